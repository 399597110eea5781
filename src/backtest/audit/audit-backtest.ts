import { availableParallelism } from 'node:os';
import { createRandom, DAY_MS, type EpochMs, epochMs, MinutehandError } from '../../core/index.ts';
import { BOOK, cycleSettings } from '../../engine/index.ts';
import { BAR_MS } from '../../model/index.ts';
import { reportOf } from '../backtest-report.ts';
import { backtestWindow } from '../backtest-window.ts';
import { makeForecasts, rangeOf } from '../forecast-table.ts';
import { type BacktestRequest, forecastSourceOf, runBacktest, withCosts } from '../run-backtest.ts';
import { traceBook } from './book-trace.ts';
import type { AuditContext, AuditResult, ForecastMaker, StrategyMaker } from './context.ts';
import { auditDelay } from './delay.ts';
import { auditFills } from './fill-realism.ts';
import { auditPermutation } from './permutation.ts';
import { auditPoison } from './poison.ts';
import { auditStartShift } from './start-shift.ts';

/** Of the range the last days are audited. */
export const AUDITED_DAYS = 14;

export interface BacktestAuditOptions {
  /** How many of the last days of the range; {@link AUDITED_DAYS} by default. */
  readonly days?: number;
  readonly seed?: number | string;
  /** Books whose forecasts are dealt out at random; 20 by default, so that the least p-value is below 5 %. */
  readonly permutations?: number;
  /** By default the model's, as {@link makeForecasts} makes them. */
  readonly forecastsOf?: ForecastMaker;
  /** By default those of the configuration. */
  readonly strategiesOf?: StrategyMaker;
  /** By default all. */
  readonly only?: readonly AuditName[];
}

const AUDITS = {
  poison: auditPoison,
  'start-shift': auditStartShift,
  permutation: auditPermutation,
  delay: auditDelay,
  'fill-realism': (context: AuditContext) => {
    const { settings, costFactor } = context.backtest;
    return auditFills(context, withCosts(settings, costFactor).decide.costs);
  },
} as const;
export type AuditName = keyof typeof AUDITS;

export interface BacktestAuditReport {
  /** No audit found a fault; critiques are no faults. */
  readonly ok: boolean;
  /** Closes of the first and the last bar that was audited. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly bars: number;
  readonly symbols: readonly string[];
  readonly audits: readonly AuditResult[];
  /** What speaks against believing the result, in plain words. */
  readonly critiques: readonly string[];
}

/**
 * Audits a backtest over the last days of its range: whether decisions know the future, what a result owes to when it began, to its forecasts and to the
 * first bar after them, and whether its executions could have happened. Equal requests and seeds give equal reports.
 * @throws as {@link runBacktest}
 */
export async function auditBacktest(
  request: BacktestRequest,
  options: BacktestAuditOptions = {},
): Promise<BacktestAuditReport> {
  const context = await contextOf(request, options);
  const audits: AuditResult[] = [];
  for (const [name, audit] of Object.entries(AUDITS)) {
    if (options.only === undefined || options.only.some((asked) => asked === name)) audits.push(await audit(context));
  }
  const { backtest, result } = context;
  const { critiques } = reportOf({ ...backtest, result }, { id: 'audit' });
  return {
    ok: audits.every(({ ok }) => ok),
    from: backtest.window.from,
    to: backtest.window.to,
    bars: result.bars,
    symbols: [...backtest.market.bars.keys()],
    audits,
    critiques: [...critiques, ...auditCritiques(audits)],
  };
}

async function contextOf(request: BacktestRequest, options: BacktestAuditOptions): Promise<AuditContext> {
  const { config, artefact, workers = availableParallelism(), onProgress, signal } = request;
  const backtest = await runBacktest({ ...request, cache: undefined, from: firstDayOf(request, options.days) });
  const references = config.universe.references.filter((symbol) => request.market.bars.has(symbol));
  const forecastsOf: ForecastMaker | undefined =
    options.forecastsOf ??
    (artefact &&
      (async ({ bars }, { from, to }) =>
        forecastSourceOf(
          await makeForecasts({ artefact, bars, references, from, to, workers, ...(signal ? { signal } : {}) }),
          artefact.manifest,
        )));
  const { from, to } = backtest.window;
  const forecasts =
    backtest.forecasts && backtest.manifest && options.forecastsOf === undefined
      ? forecastSourceOf(backtest.forecasts, backtest.manifest)
      : await forecastsOf?.(backtest.market, { from, to });
  const { settings } = backtest;
  const { strategiesOf = () => cycleSettings(config, BOOK).decide.strategies } = options;
  const again: AuditContext['again'] = (changes) => {
    const strategies = strategiesOf(changes.market ?? backtest.market);
    return backtest.again({
      forecasts,
      ...changes,
      settings: { ...settings, decide: { ...settings.decide, strategies } },
    });
  };
  const { trace, take } = traceBook();
  const result = await again({ onDecision: take });
  return {
    backtest,
    strategies: strategiesOf(backtest.market),
    forecastsOf,
    forecasts,
    result,
    trace,
    permutations: options.permutations ?? 20,
    random: createRandom(`backtest audit/${options.seed ?? 1}`),
    again,
    async step(text) {
      onProgress?.(text);
      if (signal?.aborted) throw new MinutehandError('INTERRUPTED', 'the audit was given up', 'Run it again.');
    },
  };
}

/** Start of the first of the last `days` of the range. */
function firstDayOf({ market, artefact, from, to, inSample = false }: BacktestRequest, days = AUDITED_DAYS) {
  const range = rangeOf(market.bars);
  if (range === undefined) return from;
  const window = backtestWindow(artefact?.manifest, { from, to, inSample }, range);
  const lastDay = Math.floor((window.to - BAR_MS) / DAY_MS) * DAY_MS;
  return epochMs(Math.max(window.from - BAR_MS, lastDay - (days - 1) * DAY_MS));
}

/** What audits found that is no fault and still speaks against the result. */
function auditCritiques(audits: readonly AuditResult[]): string[] {
  const figuresOf = (name: AuditName) => audits.find((audit) => audit.name === name)?.figures ?? {};
  const critiques: string[] = [];
  const { pValue } = figuresOf('permutation');
  if (pValue != null && pValue > 0.05) {
    critiques.push(
      `No better than random: with its forecasts dealt out to other symbols and days, books did as well too often (p = ${pValue.toFixed(2)}).`,
    );
  }
  const { kept } = figuresOf('delay');
  if (kept != null && kept < 0.5) {
    critiques.push(
      `Mostly the first bar: with every decision a bar later ${(100 * kept).toFixed(0)} % of the gain before costs are left.`,
    );
  }
  const { returnLeast, returnMost } = figuresOf('start-shift');
  if (returnLeast != null && returnMost != null && returnLeast < 0 && returnMost > 0) {
    critiques.push('The start decides: begun some hours or days later, gain and loss change places.');
  }
  return critiques;
}
