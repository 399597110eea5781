import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from './feature-set.ts';
import { featureTable } from './feature-table.ts';

const PAGE = new URL('../../docs/features.md', import.meta.url);

describe('docs/features.md', () => {
  it('is what the catalogue says (UPDATE_DOCS=1 writes it)', () => {
    const table = featureTable();
    if (process.env.UPDATE_DOCS) writeFileSync(PAGE, table);
    expect(readFileSync(PAGE, 'utf8')).toBe(table);
    for (const { name } of CATALOGUE) expect(table).toContain(`\`${name}\``);
  });
});
