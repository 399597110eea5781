import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom, MINUTE_MS } from '../../src/core/index.ts';
import { findRunningServer } from '../../src/database/index.ts';
import { type BookContents, type Kind, onStoreOf, readBook } from '../support/book-contents.ts';
import {
  lastLine,
  type Running,
  runMinutehand,
  SMALL,
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

/** Newest minute decided by the system that runs on a data directory; undefined while there is none. */
async function newestMinute(dataDir: string): Promise<number | undefined> {
  const server = await findRunningServer(dataDir).catch(() => undefined);
  if (!server) return undefined;
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    const { rows } = await client.query<{ minute: string | null }>('SELECT max(minute) AS minute FROM cycles');
    return rows[0]?.minute == null ? undefined : Number(rows[0].minute);
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
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
        predictions: 8 * minutes,
        candles: 8 * minutes,
      });
      expect(kills).toBeGreaterThanOrEqual(Math.min(3, KILLS));

      const first = Date.UTC(2025, 2, 1);
      const last = first + (minutes - 1) * MINUTE_MS;
      const [a, b] = (await Promise.all(
        [unbroken, broken].map((dataDir) => onStoreOf(dataDir, (database) => readBook(database, first, last))),
      )) as [BookContents, BookContents];
      for (const kind of Object.keys(a) as Kind[]) expect({ kind, rows: b[kind] }).toEqual({ kind, rows: a[kind] });
      expect(a.forecasts).toHaveLength(8 * minutes);
      expect(a.features).toHaveLength(8 * minutes);
    },
    60_000 * KILLS,
  );

  // `npm run test:long` sets the variable.
  it.runIf(process.env.MINUTEHAND_TEST_LONG)(
    'on a clock that runs on has the same candles and forecasts, and no orders in the minutes it missed',
    async () => {
      const exchange = startMinutehand([
        'sim',
        'serve',
        '--generate',
        '7',
        '--edge',
        '--speed',
        '40',
        '--port',
        '0',
        '--json',
      ]);
      cleanUp.push(() => exchange.process.kill('SIGTERM'));
      await until(() => exchange.stdout().includes('\n'), 'the exchange');
      const { url } = JSON.parse(exchange.stdout()) as { url: string };
      const small = SMALL.slice(2).filter((option) => option !== '--no-ui');
      const args = (dataDir: string) => [
        'up',
        '--exchange-url',
        url,
        ...small,
        '--minutes',
        '2000',
        '--json',
        '--data-dir',
        dataDir,
      ];
      const directories = [dataDirectory(), dataDirectory()] as const;
      const [steadyDir, brokenDir] = directories;
      const steady = startMinutehand(args(steadyDir));
      let broken = startMinutehand(args(brokenDir));
      cleanUp.push(
        () => steady.process.kill('SIGKILL'),
        () => broken.process.kill('SIGKILL'),
      );
      for (const dataDir of directories) {
        await until(async () => (await newestMinute(dataDir)) !== undefined, 'the first minute', 120_000);
      }
      for (let kill = 0; kill < Math.min(3, KILLS - 1); kill++) {
        await new Promise((resolve) => setTimeout(resolve, 1_000 + random.uniform() * 2_000));
        const before = (await newestMinute(brokenDir)) ?? 0;
        broken.process.kill('SIGKILL');
        await broken.finished;
        broken = startMinutehand(args(brokenDir));
        await until(
          async () => ((await newestMinute(brokenDir)) ?? 0) > before + 2 * MINUTE_MS,
          'it to go on',
          120_000,
        );
      }
      for (const system of [steady, broken]) {
        system.process.kill('SIGINT');
        expect((await system.finished).code).toBe(0);
      }
      const readAll = (dataDir: string) =>
        onStoreOf(dataDir, (database) => readBook(database, 0, Number.MAX_SAFE_INTEGER));
      const whole = await readAll(steadyDir);
      const cut = await readAll(brokenDir);
      const common = (rows: Record<string, unknown>[], key: string, others: Record<string, unknown>[]) => {
        const known = new Set(others.map((row) => `${row.symbol}/${row[key]}`));
        return rows.filter((row) => known.has(`${row.symbol}/${row[key]}`));
      };
      for (const [kind, key] of [
        ['candles', 'open_time'],
        ['forecasts', 'minute'],
      ] as const) {
        const mine = common(cut[kind], key, whole[kind]);
        expect(mine.length).toBeGreaterThan(50);
        expect(mine).toEqual(common(whole[kind], key, cut[kind]));
      }
      const minutes = cut.cycles.map((cycle) => Number(cycle.minute));
      expect(minutes).toEqual(minutes.map((_, index) => (minutes[0] ?? 0) + index * MINUTE_MS));
      const missed = cut.cycles.filter((cycle) => cycle.status === 'MISSED');
      expect(missed.length).toBeGreaterThan(0);
      expect(missed.every((cycle) => cycle.predictions === 8)).toBe(true);
      const missedMinutes = new Set(missed.map((cycle) => cycle.minute));
      // What protects a position is placed in a missed minute too.
      const chosen = cut.orders.filter(({ purpose }) => purpose === 'entry' || purpose === 'exit');
      expect(chosen.filter((order) => missedMinutes.has(order.decided_at))).toEqual([]);
    },
    400_000,
  );
});
