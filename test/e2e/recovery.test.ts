import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom, MINUTE_MS } from '../../src/core/index.ts';
import { type BookContents, type Kind, newestMinute, onStoreOf, readBook } from '../support/book-contents.ts';
import {
  lastLine,
  type Running,
  runMinutehand,
  SMALL,
  SMALL_SYMBOLS,
  startMinutehand,
  temporaryDirectory,
  until,
} from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function dataDirectory(): string {
  const { path, remove } = temporaryDirectory();
  cleanUp.push(remove);
  return join(path, 'data');
}

const KILLS = Number(process.env.MINUTEHAND_TEST_KILLS ?? 2);
const random = createRandom(process.env.MINUTEHAND_TEST_SEED ?? 'recovery');

/** Process ids of the children of a process, by what they do. */
function childrenOf(pid: number): Map<string, number> {
  const children = new Map<string, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const [, , command = ''] = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      if (parent === pid) children.set(command, Number(entry));
    } catch {
      // It has ended.
    }
  }
  return children;
}

/** Kills the supervisor or the engine, without warning. */
async function killSomething(system: Running): Promise<void> {
  const { pid } = system.process;
  if (pid === undefined) return;
  const engine = childrenOf(pid).get('engine');
  if (engine !== undefined && random.uniform() < 0.4) {
    process.kill(engine, 'SIGKILL');
    return;
  }
  system.process.kill('SIGKILL');
  await system.finished;
}

describe('a system that is killed with SIGKILL and started again', () => {
  it(
    'in lock-step ends with the same contents as one that was not',
    async () => {
      const minutes = 9 * KILLS;
      const args = (dataDir: string) => [
        'up',
        ...SMALL,
        '--speed',
        'max',
        '--minutes',
        String(minutes),
        '--json',
        '--data-dir',
        dataDir,
      ];
      const unbroken = dataDirectory();
      const whole = await runMinutehand(args(unbroken));
      expect(whole.code, whole.stderr).toBe(0);

      const broken = dataDirectory();
      let system = startMinutehand(args(broken));
      cleanUp.push(() => system.process.kill('SIGKILL'));
      let kills = 0;
      let known = 0;
      while (kills < KILLS) {
        // Half of the kills come somewhere in the start, the others among the minutes.
        const isEarly = random.uniform() < 0.3;
        let reached: number | undefined;
        const hasMoved = async () => {
          reached = await newestMinute(broken);
          return reached !== undefined && reached > known;
        };
        if (!isEarly)
          await until(async () => system.process.exitCode !== null || (await hasMoved()), 'a further minute', 120_000);
        if (system.process.exitCode !== null) break;
        known = Math.max(known, reached ?? 0);
        await new Promise((resolve) => setTimeout(resolve, random.uniform() * (isEarly ? 4_000 : 150)));
        kills++;
        await killSomething(system);
        if (system.process.signalCode !== null) system = startMinutehand(args(broken));
      }
      const finished = await system.finished;
      expect(finished.code, finished.stderr).toBe(0);
      expect(lastLine(finished)).toMatchObject({
        cycles: minutes,
        missed: 0,
        predictions: SMALL_SYMBOLS * minutes,
        candles: SMALL_SYMBOLS * minutes,
      });
      expect(kills).toBeGreaterThanOrEqual(Math.min(3, KILLS));

      const first = Date.UTC(2025, 2, 1);
      const last = first + (minutes - 1) * MINUTE_MS;
      const [a, b] = (await Promise.all(
        [unbroken, broken].map((dataDir) => onStoreOf(dataDir, (database) => readBook(database, first, last))),
      )) as [BookContents, BookContents];
      for (const kind of Object.keys(a) as Kind[]) expect({ kind, rows: b[kind] }).toEqual({ kind, rows: a[kind] });
      expect(a.forecasts).toHaveLength(SMALL_SYMBOLS * minutes);
      expect(a.features).toHaveLength(SMALL_SYMBOLS * minutes);
    },
    90_000 * (KILLS + 1),
  );
});
