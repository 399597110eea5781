import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, ManualClock } from '../core/index.ts';
import {
  colourPaint,
  columnsOf,
  createProgress,
  createScreen,
  formatBox,
  formatTable,
  paintFor,
  plainPaint,
  truncate,
  visibleWidth,
  wrapText,
} from './terminal.ts';

function recording(isTTY: boolean, size: { columns?: number; rows?: number } = {}) {
  const texts: string[] = [];
  return { texts, stream: { isTTY, ...size, write: (text: string) => texts.push(text) } };
}

describe('colours', () => {
  it('stand on a terminal only, and not when NO_COLOR is set', () => {
    expect(paintFor({ write() {}, isTTY: true }, {})).toBe(colourPaint);
    expect(paintFor({ write() {} }, {})).toBe(plainPaint);
    expect(paintFor({ write() {}, isTTY: true }, { NO_COLOR: '1' })).toBe(plainPaint);
    expect(paintFor({ write() {}, isTTY: true }, { TERM: 'dumb' })).toBe(plainPaint);
    expect(plainPaint.red(plainPaint.bold('x'))).toBe('x');
    expect(colourPaint.red('x')).toBe('\u001b[31mx\u001b[39m');
  });

  it('take no room', () => {
    expect(visibleWidth(colourPaint.green('four'))).toBe(4);
    expect(truncate(`${colourPaint.green('four')} words`, 6)).toBe('\u001b[32mfour\u001b[39m …');
    expect(truncate(colourPaint.green('a long word'), 5)).toBe('\u001b[32ma lo\u001b[39m…');
  });

  it('are cut to the width asked for, whatever the text', () => {
    const piece = fc.oneof(fc.string(), fc.string().map(colourPaint.red));
    fc.assert(
      fc.property(fc.array(piece), fc.nat(40), (pieces, width) => {
        expect(visibleWidth(truncate(pieces.join(''), width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('layout', () => {
  it('aligns tables, numbers on the right, colours not counted', () => {
    const columns = [{ title: 'symbol' }, { title: 'edge', align: 'right' }, { title: 'note' }] as const;
    expect(
      formatTable(columns, [
        ['BTCUSDT', '1.5', 'x'],
        [colourPaint.bold('ETH'), '-12.25'],
      ]).map((line) => line.replaceAll('\u001b[1m', '').replaceAll('\u001b[22m', '')),
    ).toEqual(['symbol     edge  note', 'BTCUSDT     1.5  x', 'ETH      -12.25']);
    expect(formatTable([{ title: 'none' }], [])).toEqual(['none']);
  });

  it('frames lines as wide as the widest', () => {
    expect(formatBox(['a', 'long'])).toEqual(['┌──────┐', '│ a    │', '│ long │', '└──────┘']);
  });

  it('wraps at spaces and loses no word', () => {
    expect(wrapText('one two three', 7)).toEqual(['one two', 'three']);
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/)), fc.integer({ min: 9, max: 40 }), (words, width) => {
        const lines = wrapText(words.join(' '), width);
        expect(lines.join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('assumes a width where none is known', () => {
    expect(columnsOf({ write() {} })).toBe(100);
    expect(columnsOf({ write() {}, columns: 10 })).toBe(40);
  });
});

describe('createProgress', () => {
  it('rewrites one line on a terminal, no more than ten times a second', () => {
    const clock = new ManualClock(epochMs(0));
    const { stream, texts } = recording(true, { columns: 40 });
    const progress = createProgress(stream, clock);
    progress.update('1 of 9');
    progress.update('2 of 9');
    clock.moveTo(epochMs(100));
    progress.update(`3 of 9 ${'x'.repeat(60)}`);
    progress.update('4 of 9');
    progress.finish();
    expect(texts[0]).toBe('\r\u001b[2K1 of 9');
    expect(texts).toHaveLength(4);
    expect(visibleWidth(texts[1]?.replace('\r\u001b[2K', '') ?? '')).toBe(39);
    expect(texts[2]).toContain('4 of 9');
    expect(texts[3]).toBe('\n');
  });

  it('writes a plain line every five seconds elsewhere, and the last one', () => {
    const clock = new ManualClock(epochMs(0));
    const { stream, texts } = recording(false);
    const progress = createProgress(stream, clock);
    for (const second of [0, 1, 2, 5, 6]) {
      clock.moveTo(epochMs(second * 1_000));
      progress.update(`second ${second}`);
    }
    progress.finish('done');
    expect(texts).toEqual(['second 0\n', 'second 5\n', 'done\n']);
  });
});

describe('createScreen', () => {
  it('replaces its block on a terminal, cut to its size', () => {
    const { stream, texts } = recording(true, { columns: 40, rows: 3 });
    const screen = createScreen(stream);
    screen.show(['one', 'two', 'three']);
    screen.show(['x'.repeat(60)]);
    screen.release();
    screen.show(['below']);
    expect(texts[0]).toBe('\u001b[0Jone\ntwo\n');
    expect(texts[1]).toBe(`\u001b[2A\r\u001b[0J${'x'.repeat(38)}…\n`);
    expect(texts[2]).toBe('\u001b[0Jbelow\n');
  });

  it('writes block after block elsewhere', () => {
    const { stream, texts } = recording(false);
    const screen = createScreen(stream);
    screen.show(['one']);
    screen.show(['two']);
    expect(texts.join('')).toBe('one\ntwo\n');
  });
});
