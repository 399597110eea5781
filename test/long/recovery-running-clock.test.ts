import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom, MINUTE_MS } from '../../src/core/index.ts';
import { newestMinute, onStoreOf, readBook } from '../support/book-contents.ts';
import { SMALL, SMALL_SYMBOLS, startMinutehand, temporaryDirectory, until } from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function dataDirectory(): string {
  const { path, remove } = temporaryDirectory();
  cleanUp.push(remove);
  return join(path, 'data');
}

const KILLS = 3;
const random = createRandom(process.env.MINUTEHAND_TEST_SEED ?? 'recovery');

describe('a system that is killed with SIGKILL and started again', () => {
  it('on a clock that runs on has the same candles and forecasts, and no orders in the minutes it missed', async () => {
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
    for (let kill = 0; kill < KILLS; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 + random.uniform() * 2_000));
      const before = (await newestMinute(brokenDir)) ?? 0;
      broken.process.kill('SIGKILL');
      await broken.finished;
      broken = startMinutehand(args(brokenDir));
      await until(async () => ((await newestMinute(brokenDir)) ?? 0) > before + 2 * MINUTE_MS, 'it to go on', 120_000);
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
    expect(missed.every((cycle) => cycle.predictions === SMALL_SYMBOLS)).toBe(true);
    const missedMinutes = new Set(missed.map((cycle) => cycle.minute));
    // What protects a position is placed in a missed minute too.
    const chosen = cut.orders.filter(({ purpose }) => purpose === 'entry' || purpose === 'exit');
    expect(chosen.filter((order) => missedMinutes.has(order.decided_at))).toEqual([]);
  }, 400_000);
});
