import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { learnSine } from './example.fixture.ts';
import * as operations from './ops/index.ts';

const PAGE = new URL('../../docs/tensor.md', import.meta.url);
const OPERATIONS = new URL('./ops/', import.meta.url);
const read = (url: URL): string => readFileSync(url, 'utf8');
const page = (): string => read(PAGE);

const FILES = readdirSync(OPERATIONS)
  .filter((name) => /^(?!index)\w+\.ts$/.test(name))
  .sort();

/** Exported functions of a file, in its order, with the first sentence of what stands above each. */
function documentedIn(file: string): { readonly name: string; readonly text: string }[] {
  const found = read(new URL(file, OPERATIONS)).matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:function|const) ([a-z]\w*)/g,
  );
  return [...found].map(([, comment = '', name = '']) => ({ name, text: firstSentence(comment) }));
}

function firstSentence(comment: string): string {
  const text = comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\n@[\s\S]*/, '')
    .replace(/\s+/g, ' ')
    .trim();
  const [first = ''] = text.split(/(?<=\.) (?=[A-Z`])/);
  return first.replace(/\{@link (\w+)\}/g, '`$1`').replaceAll('|', '\\|');
}

function table(): string {
  return FILES.flatMap((file) => {
    const rows = documentedIn(file)
      .filter(({ name }) => name in operations)
      .map(({ name, text }) => `| \`${name}\` | ${text} |`);
    return ['', `**${file.replace('.ts', '')}**`, '', '| operation | what it is |', '|---|---|', ...rows];
  })
    .join('\n')
    .replace(/$/, '\n\n');
}

describe('docs/tensor.md', () => {
  it('lists every operation with what stands above it (UPDATE_DOCS=1 writes it)', () => {
    const begin = page().indexOf('\n', page().indexOf('<!-- operations:begin')) + 1;
    const end = page().indexOf('<!-- operations:end -->');
    const own = table();
    if (process.env.UPDATE_DOCS) writeFileSync(PAGE, `${page().slice(0, begin)}${own}${page().slice(end)}`);
    expect(page()).toContain(`-->\n${own}<!-- operations:end -->`);
  });

  it('lists what the front door exports, and nothing else', () => {
    const listed = [...page().matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const exported = Object.entries(operations).filter(([, value]) => typeof value === 'function');
    expect(listed.sort()).toEqual(exported.map(([name]) => name).sort());
  });

  it('shows an example, as it stands in its file, that learns what it says', async () => {
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(page()) ?? [];
    expect(code).toBe(read(new URL('./example.fixture.ts', import.meta.url)));
    const places = [-2, -0.5, 0, 1, 2.5];
    const learned = await learnSine(places, 400);
    places.forEach((x, i) => {
      expect(Math.abs((learned[i] ?? Number.NaN) - Math.sin(x)), `at ${x}`).toBeLessThan(0.1);
    });
  });
});
