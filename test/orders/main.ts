import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { useTestServer } from '../../src/database/index.ts';
import { bundle } from '../support/bundle.ts';
import { runProcessSequence } from './process-sequence.ts';
import type { SequenceShare } from './sequence-share.ts';

/**
 * `npm run test:orders`: random sequences of minutes, faults, crashes and stops in virtual time, each a function of its seed, over as
 * many processes as there are cores; then MINUTEHAND_FUZZ_PROCESSES such sequences of real processes over HTTP and PostgreSQL. The last
 * line tells seed, runs and failures.
 */

/** So many sequences of processes run side by side. */
const PARALLEL_PROCESSES = 3;

const seed = process.env.MINUTEHAND_FUZZ_SEED ?? '1';
const runs = countOf('MINUTEHAND_FUZZ_RUNS', 10_000);
const processRuns = countOf('MINUTEHAND_FUZZ_PROCESSES', 0);

await runAll();

async function runAll(): Promise<void> {
  const file = await bundle('test/orders/sequence-share.ts');
  const began = performance.now();
  const cores = Math.min(runs, availableParallelism());
  const shares = await Promise.all(Array.from({ length: cores }, (_, index) => shareOf(file, index, cores)));
  const sum = (key: keyof SequenceShare) => shares.reduce((total, share) => total + (share?.[key] ?? 0), 0);
  const seconds = (performance.now() - began) / 1_000;
  // A share that brought nothing has failed as a whole.
  let failures = sum('failures') + (runs - sum('runs'));
  console.error(
    `${sum('orders')} orders, ${sum('fills')} fills, ${sum('crashes')} crashes and stops; ${(runs / seconds).toFixed(0)} sequences a second`,
  );
  const processes = await runProcesses();
  failures += processes.failures;
  console.log(JSON.stringify({ seed, runs, failures, processes: processRuns }));
  process.exitCode = failures === 0 ? 0 : 1;
}

async function runProcesses(): Promise<{ failures: number }> {
  const began = performance.now();
  const sums = { failures: 0, orders: 0, fills: 0, crashes: 0 };
  const leaveServer = processRuns > 0 ? useTestServer() : undefined;
  let next = 0;
  const worker = async () => {
    while (next < processRuns) {
      const name = `${seed}/${next++}`;
      try {
        const { violations, orders, fills, crashes } = await runProcessSequence(name);
        sums.orders += orders;
        sums.fills += fills;
        sums.crashes += crashes;
        if (violations.length === 0) continue;
        console.error(`processes ${name}: ${violations.slice(0, 5).join('; ')}`);
      } catch (error) {
        console.error(`processes ${name}: ${error instanceof Error ? error.stack : error}`);
      }
      sums.failures += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_PROCESSES, processRuns) }, worker));
  await leaveServer?.();
  console.error(
    `${processRuns} sequences of processes in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${sums.orders} orders, ${sums.fills} fills, ${sums.crashes} kills and stops`,
  );
  return sums;
}

function countOf(variable: string, otherwise: number): number {
  const count = Number(process.env[variable] ?? otherwise);
  if (Number.isInteger(count) && count >= 0) return count;
  console.error(`${variable} is not a whole number.`);
  process.exit(2);
}

function shareOf(file: string, index: number, cores: number): Promise<SequenceShare | undefined> {
  return new Promise((resolve) => {
    const child = fork(file, [seed, ...[index, cores, runs].map(String)], { execArgv: [] });
    let share: SequenceShare | undefined;
    child.on('message', (message) => {
      share = message as SequenceShare;
    });
    child.on('exit', () => resolve(share));
  });
}
