import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as indicators from './index.ts';

const PAGE = new URL('../../../docs/indicators.md', import.meta.url);
const FOLDERS = ['trend', 'momentum', 'volatility', 'volume', 'statistics'];
const page = () => readFileSync(PAGE, 'utf8');

interface Documented {
  readonly name: string;
  readonly call: string;
  readonly text: string;
}

describe('docs/indicators.md', () => {
  it('lists every indicator with what stands above its class (UPDATE_DOCS=1 writes it)', () => {
    const begin = page().indexOf('\n', page().indexOf('<!-- classes:begin')) + 1;
    const end = page().indexOf('<!-- classes:end -->');
    const table = classTable();
    if (process.env.UPDATE_DOCS) writeFileSync(PAGE, `${page().slice(0, begin)}${table}${page().slice(end)}`);
    expect(page()).toContain(`-->\n${table}<!-- classes:end -->`);
  });

  it('lists what the library exports, and nothing else', () => {
    const exported = Object.entries(indicators)
      .filter(([, value]) => value.prototype instanceof indicators.Indicator)
      .map(([name]) => name);
    expect(
      FOLDERS.flatMap(documentedIn)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(exported.sort());
  });

  it('has an example that gives what its comments say', () => {
    const [, code = ''] = /```ts\nimport .*\n([\s\S]*?)```/.exec(page()) ?? [];
    const run = new Function(
      ...Object.keys(indicators),
      `${code} return { history, next, certain, upper, middle, lower };`,
    );
    const { history, next, certain, upper, middle, lower } = run(...Object.values(indicators));
    expect(history.findIndex((value: number) => !Number.isNaN(value))).toBe(14);
    expect(certain).toBe(true);
    const whole = new indicators.Rsi(14);
    for (const value of /\[(44[^\]]*)\]/.exec(code)?.[1]?.split(',') ?? []) whole.update(Number(value));
    expect(next).toBe(whole.update(45.25));
    expect(Array.from(middle)).toEqual([Number.NaN, Number.NaN, 2, 3]);
    expect(upper[3] - middle[3]).toBeCloseTo(2 * Math.sqrt(2 / 3), 12);
    expect(middle[3] - lower[3]).toBeCloseTo(2 * Math.sqrt(2 / 3), 12);
  });
});

function classTable(): string {
  return FOLDERS.flatMap((folder) => {
    const rows = documentedIn(folder).map(({ call, text }) => `| \`${call}\` | ${text} |`);
    return rows.length === 0 ? [] : [`### ${folder}`, '', '| class | what it is |', '|---|---|', ...rows, ''];
  })
    .join('\n')
    .replace(/^/, '\n')
    .replace(/$/, '\n');
}

/** Classes of a folder's files by name, each with its parameters and the text above it. */
function documentedIn(folder: string): Documented[] {
  const url = new URL(`./${folder}/`, import.meta.url);
  let names: string[] = [];
  try {
    names = readdirSync(url);
  } catch (error) {
    // A folder that has no indicator yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const found: Documented[] = [];
  for (const name of names.filter((each) => each.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(each))) {
    const source = readFileSync(new URL(name, url), 'utf8');
    for (const [declaration, text = '', className = ''] of source.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export class (\w+) extends Indicator/g,
    )) {
      const rest = source.slice(source.indexOf(declaration) + declaration.length);
      const body = rest.slice(0, rest.search(/\nexport |$(?![\s\S])/));
      const parameters = (/constructor\(([\s\S]*?)\) \{/.exec(body)?.[1] ?? '').replace(/: (number|string)\b/g, '');
      const call = `${className}(${parameters.replace(/\s+/g, ' ').replace(/,? $/, '').trim()})`;
      found.push({ name: className, call, text: textOf(text) });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function textOf(comment: string): string {
  return comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replaceAll('|', '\\|');
}
