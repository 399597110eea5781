import type { Clock } from '../core/index.ts';

/** Where text goes. `isTty` and `columns` describe what stands behind it. */
export interface TextStream {
  /** Calls `done` when the text has left the process. */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What a command may use of the place it runs in. */
export interface Terminal {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the person at the terminal for a line; absent where nobody sits there. */
  readonly ask?: (question: string) => Promise<string>;
}

export const DEFAULT_COLUMNS = 100;

export const columnsOf = (stream: TextStream): number => Math.max(40, stream.columns ?? DEFAULT_COLUMNS);

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Colours for a stream: as they are asked for on a terminal, plain text elsewhere and when NO_COLOR is set (no-color.org). */
export type Paint = Readonly<Record<keyof typeof STYLES, (text: string) => string>>;

export const plainPaint: Paint = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
  yellow: (text) => text,
  cyan: (text) => text,
};

const style =
  (name: keyof typeof STYLES) =>
  (text: string): string =>
    `\u001b[${STYLES[name][0]}m${text}\u001b[${STYLES[name][1]}m`;

export const colourPaint: Paint = {
  bold: style('bold'),
  dim: style('dim'),
  red: style('red'),
  green: style('green'),
  yellow: style('yellow'),
  cyan: style('cyan'),
};

export function paintFor(stream: TextStream, env: Terminal['env']): Paint {
  return stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? colourPaint : plainPaint;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character
const ESCAPES = /\u001b\[[0-9;]*m/g;

/** Characters a text takes on a terminal, colours not counted. */
export const visibleWidth = (text: string): number => [...text.replace(ESCAPES, '')].length;

/** Cuts a text to `width` visible characters; its colours end where they did. */
export function truncate(text: string, width: number): string {
  if (visibleWidth(text) <= width) return text;
  let room = Math.max(0, width - 1);
  let cut = '';
  let from = 0;
  const take = (plain: string) => {
    const characters = [...plain].slice(0, room);
    room -= characters.length;
    cut += characters.join('');
  };
  for (const sequence of text.matchAll(ESCAPES)) {
    take(text.slice(from, sequence.index));
    cut += sequence[0];
    from = sequence.index + sequence[0].length;
  }
  take(text.slice(from));
  return width > 0 ? `${cut}…` : cut;
}

export interface Column {
  readonly title: string;
  /** Numbers stand on the right. */
  readonly align?: 'left' | 'right';
}

/** A plain table: a line of titles, a line per row, two spaces between columns, no spaces at the end. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(visibleWidth(title), ...rows.map((row) => visibleWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align = 'left' }, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - visibleWidth(cell)));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** A frame around lines, as wide as the widest of them. */
export function formatBox(lines: readonly string[]): string[] {
  const width = Math.max(0, ...lines.map(visibleWidth));
  return [
    `┌${'─'.repeat(width + 2)}┐`,
    ...lines.map((line) => `│ ${line}${' '.repeat(width - visibleWidth(line))} │`),
    `└${'─'.repeat(width + 2)}┘`,
  ];
}

/** Breaks a text into lines of at most `width` characters, at spaces. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

export interface Progress {
  /** Shows how far the work is: "back-fill 12 / 50". */
  update(text: string): void;
  /** Leaves a last line behind, if one is given, and ends. */
  finish(text?: string): void;
}

const PLAIN_INTERVAL_MS = 5_000;
const TERMINAL_INTERVAL_MS = 100;

/** Progress on stderr: one line that rewrites itself on a terminal, elsewhere a line every five seconds. */
export function createProgress(stream: TextStream, clock: Pick<Clock, 'elapsed'>): Progress {
  const isTty = stream.isTTY === true;
  const interval = isTty ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  let lastShown: number | undefined;
  let pending: string | undefined;
  let isLineOpen = false;
  const showLine = (text: string) => {
    lastShown = clock.elapsed();
    pending = undefined;
    if (isTty) {
      stream.write(`\r\u001b[2K${truncate(text, columnsOf(stream) - 1)}`);
      isLineOpen = true;
    } else stream.write(`${text}\n`);
  };
  return {
    update(text) {
      if (lastShown === undefined || clock.elapsed() - lastShown >= interval) showLine(text);
      else pending = text;
    },
    finish(text) {
      const last = text ?? (isTty ? pending : undefined);
      if (last !== undefined) showLine(last);
      if (isLineOpen) stream.write('\n');
      isLineOpen = false;
      pending = undefined;
    },
  };
}

export interface Screen {
  /** Replaces the lines shown before on a terminal; elsewhere writes them behind those. */
  show(lines: readonly string[]): void;
  /** Leaves what is shown where it is: what follows stands below. */
  release(): void;
}

/** A block of lines at the bottom of a terminal that rewrites itself. */
export function createScreen(stream: TextStream): Screen {
  let shown = 0;
  return {
    show(lines) {
      if (!stream.isTTY) {
        stream.write(lines.map((line) => `${line}\n`).join(''));
        return;
      }
      const fitting = lines.slice(0, (stream.rows ?? 50) - 1).map((line) => truncate(line, columnsOf(stream) - 1));
      const back = shown > 0 ? `\u001b[${shown}A\r` : '';
      stream.write(`${back}\u001b[0J${fitting.map((line) => `${line}\n`).join('')}`);
      shown = fitting.length;
    },
    release() {
      shown = 0;
    },
  };
}
