import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lastLine, ROOT, runMinutehand, temporaryDirectory } from '../support/minutehand.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const MARKET_DATA = process.env.MINUTEHAND_MARKET_DATA;
const usdm = MARKET_DATA === undefined ? undefined : join(MARKET_DATA, 'binance-usdm');

/** Beside the strategy that is configured one that trades whatever forecasts say, so that there are orders to compare. */
const CONFIGURATION = `
strategies:
  - { name: ml, kind: directional, decide_every: 1h, hold_for: 12h, cooldown: 1h }
  - { name: chance, kind: random, decide_every: 15m, hold_for: 4h, cooldown: 15m, positions: 6, turnover_per_day: 24 }
`;

async function runAndProve(market: readonly string[], minutes: number) {
  const { path, remove } = temporaryDirectory();
  cleanUp.push(remove);
  const file = join(path, 'system.yaml');
  writeFileSync(file, CONFIGURATION);
  const common = ['--config', file, '--data-dir', join(path, 'data'), '--json'];
  const run = await runMinutehand([
    'up',
    ...market,
    '--speed',
    'max',
    '--minutes',
    String(minutes),
    '--no-ui',
    ...common,
  ]);
  expect(run.code, run.stderr).toBe(0);
  const proof = await runMinutehand(['backtest', 'parity', ...common]);
  return { summary: lastLine(run), report: lastLine(proof), code: proof.code };
}

describe('parity over days', () => {
  it.skipIf(usdm === undefined || !existsSync(usdm))(
    'is whole over three recorded days of fifty symbols',
    async () => {
      const replay = ['--replay', join(usdm ?? ROOT, '1m-6day'), '--history', join(usdm ?? ROOT, '15m')];
      const { summary, report, code } = await runAndProve(replay, 4_320);
      expect(summary).toMatchObject({ cycles: 4_320, missed: 0, predictions: 216_000 });
      expect(report).toMatchObject({
        ok: true,
        minutes: 4_320,
        firstDivergence: null,
        stages: { features: { compared: 216_000, diverged: 0 }, orders: { diverged: 0 } },
      });
      expect(code).toBe(0);
    },
    3_600_000,
  );

  it('is whole over two generated weeks', async () => {
    const { report, code } = await runAndProve(['--generate', '7', '--set', 'universe.size=50'], 20_160);
    expect(report).toMatchObject({ ok: true, minutes: 20_160, firstDivergence: null });
    expect(code).toBe(0);
  }, 7_200_000);
});
