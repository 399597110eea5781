import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/index.ts';
import { readVariants, variantConfig } from './walk-forward-variants.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-variants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ROOT = new URL('../..', import.meta.url).pathname;

function fileOf(text: string): string {
  const path = join(folder, 'variants.yaml');
  writeFileSync(path, text);
  return path;
}

const configWith = (pairs: readonly string[]) =>
  loadConfig({
    workingDirectory: ROOT,
    invokedFrom: ROOT,
    env: {},
    flags: pairs.map((pair) => ({
      key: pair.slice(0, pair.indexOf('=')),
      value: pair.slice(pair.indexOf('=') + 1),
      flag: pair,
    })),
  }).values;

describe('readVariants', () => {
  it('reads keys of the configuration, lists of sections too, and names what has no name', () => {
    const sets = readVariants(
      fileOf(
        '- ml_integration.signals.horizons: [12h]\n- name: two\n  risk.max_positions: 3\n  strategies: [{kind: random, name: dice}]\n',
      ),
    );
    expect(sets.map(({ name }) => name)).toEqual(['variant-1', 'two']);
    const [first, second] = sets.map((set) => variantConfig(set, configWith));
    expect(first?.ml_integration.signals.horizons).toEqual(['12h']);
    expect(second?.risk.max_positions).toBe(3);
    expect(second?.strategies).toMatchObject([{ kind: 'random', name: 'dice' }]);
  });

  it.each([
    ['[]', 'the whole'],
    ['a: 1', 'the whole'],
    ['- [1]', '0'],
    ['- name: a\n- name: a', 'two variants are called a'],
    ['- costs.taker_fee_bps: 0', 'costs.taker_fee_bps cannot vary'],
    ['- data_dir: /x', 'data_dir cannot vary'],
    ['- name: "../x"', '0.name'],
    ['- a: &x [1]\n  b: [*y]', 'Unresolved alias'],
    ['- !!js/function x', '0: Invalid input'],
    [`- ${'x'.repeat(300_000)}: 1`, 'larger than'],
  ])('refuses %.30s', (text, what) => {
    expect(() => readVariants(fileOf(text))).toThrow(what);
    expect(() => readVariants(fileOf(text))).toThrow('--variants');
  });

  it('names the variant whose values the configuration does not take', () => {
    const sets = readVariants(fileOf('- name: odd\n  risk.max_positions: many\n'));
    expect(() => sets.map((set) => variantConfig(set, configWith))).toThrow('variant odd: ');
  });
});
