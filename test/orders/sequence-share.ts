import { runSequence } from './order-sequence.ts';

/** What a process that plays sequences has played. */
export interface SequenceShare {
  readonly runs: number;
  readonly failures: number;
  readonly orders: number;
  readonly fills: number;
  readonly crashes: number;
}

// Plays the sequences `first`, `first + step`, ... of a seed, and tells its parent what came of them.
const [seed, ...numbers] = process.argv.slice(2);
const [first = 0, step = 1, runs = 0] = numbers.map(Number);
const sums = { runs: 0, failures: 0, orders: 0, fills: 0, crashes: 0 };
for (let run = first; run < runs; run += step) {
  const { violations, orders, fills, crashes } = await runSequence(`${seed}/${run}`);
  sums.runs += 1;
  sums.orders += orders;
  sums.fills += fills;
  sums.crashes += crashes;
  if (violations.length === 0) continue;
  sums.failures += 1;
  console.error(`sequence ${seed}/${run}: ${violations.slice(0, 5).join('; ')}`);
}
process.send?.(sums satisfies SequenceShare);
