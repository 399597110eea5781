import { availableParallelism } from 'node:os';
import { createRandom } from '../core/index.ts';
import { canonicalJson, type Evaluation, judgeForecasts, sha256 } from '../model/index.ts';
import { reportOf } from './backtest-report.ts';
import { baselinesOf } from './baseline-report.ts';
import { chartCandlesOf } from './report/candle-chart.ts';
import { type Backtest, type BacktestRequest, runBacktest } from './run-backtest.ts';
import type { SavedBacktest } from './saved-backtest.ts';

/** Runs a backtest and judges it, its forecasts, and what it stands beside. @throws as {@link runBacktest} */
export async function runAndReport(
  request: BacktestRequest & { readonly hasCostCurve?: boolean },
): Promise<SavedBacktest> {
  const backtest = await runBacktest(request);
  const evaluation = await evaluationOf(backtest, request);
  const { references } = request.config.universe;
  const { onProgress, hasCostCurve } = request;
  const { report: baselines, curves } = await baselinesOf(backtest, {
    references,
    ...(onProgress ? { onProgress } : {}),
    ...(hasCostCurve === undefined ? {} : { hasCostCurve }),
  });
  const report = reportOf(backtest, { id: idOf(backtest), evaluation, baselines });
  const candles = chartCandlesOf(report.trips, request.market.bars, report.run);
  return { report, charts: { candles, curves } };
}

function evaluationOf(
  { manifest, forecasts, market, window }: Backtest,
  { config, workers = availableParallelism(), onProgress }: BacktestRequest,
): Promise<Evaluation | undefined> {
  if (manifest === undefined || forecasts === undefined || forecasts.rows.times.length === 0)
    return Promise.resolve(undefined);
  return judgeForecasts({
    parts: [{ manifest, forecasts: forecasts.rows }],
    bars: market.bars,
    references: config.universe.references.filter((symbol) => market.bars.has(symbol)),
    workers,
    random: createRandom('forecasts of a backtest'),
    inSample: window.overlaps.length > 0,
    ...(onProgress ? { onProgress } : {}),
  });
}

/** Named by what it follows from. */
function idOf({ hashes, window, costFactor, market }: Backtest): string {
  const { fills: _, decisions: __, ...inputs } = hashes;
  const { from, to } = window;
  const content = { ...inputs, from, to, costFactor, hasMinutes: market.minutes !== undefined };
  return `bt-${sha256(canonicalJson(content)).slice(0, 12)}`;
}
