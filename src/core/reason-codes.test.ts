import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isReasonCode, REASON_CODES } from './reason-codes.ts';

describe('reason codes', () => {
  it('are CATEGORY_CONDITION with one sentence or two each', () => {
    for (const [code, meaning] of Object.entries(REASON_CODES)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
      expect(meaning, code).toMatch(/^[A-Za-z].*\.$/);
    }
    expect(new Set(Object.values(REASON_CODES)).size).toBe(Object.keys(REASON_CODES).length);
  });

  it('are told from other texts, names of the prototype among them', () => {
    expect([isReasonCode('RISK_HALTED'), isReasonCode('RISK'), isReasonCode('toString')]).toEqual([true, false, false]);
  });

  it('stand in docs/reason-codes.md', () => {
    const file = join(import.meta.dirname, '..', '..', 'docs', 'reason-codes.md');
    const rows = Object.entries(REASON_CODES).map(
      ([code, meaning]) => `| \`${code}\` | ${meaning.replaceAll('|', '\\|')} |`,
    );
    const table = ['| code | meaning |', '|---|---|', ...rows].join('\n');
    const text = readFileSync(file, 'utf8');
    const wanted = text.replace(
      /(<!-- reasons:begin .*-->\n)[\s\S]*(<!-- reasons:end -->)/,
      (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
    );
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, wanted);
    expect(readFileSync(file, 'utf8'), 'run UPDATE_DOCS=1 npx vitest run src/core').toBe(wanted);
  });
});
