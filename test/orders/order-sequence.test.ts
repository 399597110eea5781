import { expect, it } from 'vitest';
import { runSequence } from './order-sequence.ts';

it('no order is lost or doubled, no fill unbooked, no position unprotected, no money gone, in any of 60 sequences', async () => {
  const failed: string[] = [];
  let fills = 0;
  let crashes = 0;
  for (let run = 0; run < 60; run++) {
    const outcome = await runSequence(`test/${run}`);
    fills += outcome.fills;
    crashes += outcome.crashes;
    failed.push(...outcome.violations.map((violation) => `test/${run}: ${violation}`));
  }
  expect(failed).toEqual([]);
  expect(fills).toBeGreaterThan(500);
  expect(crashes).toBeGreaterThan(40);
});

it('a sequence is a function of its seed', async () => {
  expect(await runSequence('again')).toEqual(await runSequence('again'));
});
