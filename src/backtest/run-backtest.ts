import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Config } from '../config/index.ts';
import {
  type BarColumns,
  type EpochMs,
  epochMs,
  type FundingRate,
  type Instrument,
  MinutehandError,
  type SymbolId,
} from '../core/index.ts';
import { type CycleSettings, cycleSettings, evidenceSettings } from '../engine/index.ts';
import { featureSet } from '../features/index.ts';
import { type CheckedArtefact, canonicalJson, type Manifest, ModelRefusedError, sha256 } from '../model/index.ts';
import { type BacktestWindow, backtestWindow } from './backtest-window.ts';
import { type ForecastTable, hashBars, makeForecasts, rangeOf } from './forecast-table.ts';
import { FundingHistory } from './funding-history.ts';
import { inferInstruments } from './inferred-instruments.ts';
import { type ForecastSource, type ReplayRequest, type ReplayResult, replay } from './replay.ts';

/** Recorded markets to trade on. */
export interface BacktestMarket {
  /** Shown in the report: the folder, or the store. */
  readonly source: string;
  /** 15-minute bars of the universe, in canonical order. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  readonly minutes?: ReadonlyMap<SymbolId, BarColumns> | undefined;
  readonly fundingOf: (symbol: SymbolId) => readonly FundingRate[];
  /** End of the time whose volume the symbols were chosen by: before it, the choice is hindsight. */
  readonly chosenAt?: EpochMs | undefined;
}

export interface BacktestRequest {
  readonly market: BacktestMarket;
  readonly config: Config;
  /** Undefined: strategies that need no forecasts. */
  readonly artefact?: CheckedArtefact | undefined;
  /** Starts of the first and the last day, UTC. */
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
  readonly inSample?: boolean;
  /** Multiple of all costs of an execution; 1 by default. */
  readonly costFactor?: number;
  readonly workers?: number;
  /** Folder in which finished forecasts are kept. */
  readonly cache?: string | undefined;
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** What a result can be made again from. All sha256, hex. */
export interface BacktestHashes {
  readonly data: string;
  readonly config: string;
  readonly featureSet: string;
  readonly model: string | null;
  readonly fills: string;
  readonly decisions: string;
}

export interface Backtest {
  readonly window: BacktestWindow;
  readonly market: BacktestMarket;
  readonly manifest: Manifest | undefined;
  readonly forecasts: ForecastTable | undefined;
  readonly settings: CycleSettings;
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly costFactor: number;
  readonly result: ReplayResult;
  readonly hashes: BacktestHashes;
  /** The same replay with other costs, strategies or forecasts. */
  readonly again: (changes: BacktestChanges) => Promise<ReplayResult>;
}

export interface BacktestChanges {
  readonly costFactor?: number;
  readonly settings?: CycleSettings;
  readonly forecasts?: ReplayRequest['forecasts'];
  /** Closes of the first and the last bar that is decided. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  /** Other bars and rates of the same symbols; the rules of their instruments stay. */
  readonly market?: BacktestMarket;
  readonly onDecision?: ReplayRequest['onDecision'];
}

const BOOK = 'main';

/**
 * Trades recorded bars: forecasts of all of them first, then `decide` bar by bar.
 * @throws MinutehandError BACKTEST_WINDOW_INVALID, BACKTEST_IN_SAMPLE; ModelRefusedError where the model knows none of the symbols
 */
export async function runBacktest(request: BacktestRequest): Promise<Backtest> {
  const { market, config, artefact, inSample = false, costFactor = 1, onProgress = () => undefined, signal } = request;
  const { bars } = market;
  const range = rangeOf(bars);
  if (range === undefined) throw noBars(market.source);
  const manifest = artefact?.manifest;
  const window = backtestWindow(manifest, { from: request.from, to: request.to, inSample }, range);
  const { from, to } = window;
  const references = config.universe.references.filter((symbol) => bars.has(symbol));
  if (artefact) checkSymbols(artefact, bars);
  const forecasts =
    artefact &&
    (await makeForecasts({
      artefact,
      bars,
      references,
      from,
      to,
      workers: request.workers ?? availableParallelism(),
      cache: request.cache,
      onProgress: (done, total) => onProgress(`forecasts: ${Math.floor((100 * done) / total)} % of ${total} bars`),
      ...(signal ? { signal } : {}),
    }));
  const settings = cycleSettings(config, BOOK);
  const instruments = inferInstruments(config.exchange.id, bars, from);
  const evidence = evidenceSettings(config);
  const base: ReplayRequest = {
    bars,
    minutes: market.minutes,
    references,
    instruments,
    from,
    to,
    forecasts: forecasts && manifest && forecastSourceOf(forecasts, manifest),
    funding: new FundingHistory(bars, market.fundingOf, { from, to }),
    settings: withCosts(settings, costFactor),
    conditions: {
      maxExchangeErrors: config.risk.max_exchange_errors,
      maxModelAgeDays: config.risk.max_model_age_days,
    },
    evidence,
    ...(signal ? { signal } : {}),
  };
  const again = (changes: BacktestChanges) =>
    replay({
      ...base,
      ...(changes.market
        ? {
            bars: changes.market.bars,
            minutes: changes.market.minutes,
            funding: new FundingHistory(changes.market.bars, changes.market.fundingOf, { from, to }),
          }
        : {}),
      ...(changes.from ? { from: changes.from } : {}),
      ...(changes.to ? { to: changes.to } : {}),
      ...(changes.onDecision ? { onDecision: changes.onDecision } : {}),
      ...('forecasts' in changes ? { forecasts: changes.forecasts } : {}),
      settings: withCosts(changes.settings ?? settings, changes.costFactor ?? costFactor),
    });
  const result = await replay({
    ...base,
    onProgress: (done, total) => onProgress(`decisions: ${done} of ${total} bars`),
  });
  const data = createHash('sha256');
  hashBars(data, bars);
  return {
    window,
    market,
    manifest,
    forecasts,
    settings,
    instruments,
    costFactor,
    result,
    hashes: {
      data: data.digest('hex'),
      config: sha256(canonicalJson({ ...config, data_dir: undefined, database: undefined })),
      featureSet: featureSet().hash,
      model: manifest?.weightsSha256 ?? null,
      fills: result.fillsHash,
      decisions: result.decisionsHash,
    },
    again,
  };
}

/** Forecasts of a model as a replay reads them. */
export const forecastSourceOf = (table: ForecastTable, manifest: Manifest): ForecastSource => ({
  modelId: table.modelId,
  edgeReference: manifest.edgeReference,
  dataUntil: epochMs(manifest.windows.test.to),
  at: (minute) => table.at(minute),
});

/** The settings with all costs of an execution times `factor`. */
export function withCosts(settings: CycleSettings, factor: number): CycleSettings {
  const { costs } = settings.decide;
  return {
    ...settings,
    decide: {
      ...settings.decide,
      costs: {
        ...costs,
        takerFeeBps: costs.takerFeeBps * factor,
        halfSpreadBps: costs.halfSpreadBps * factor,
        impactBpsPerSqrtParticipation: costs.impactBpsPerSqrtParticipation * factor,
      },
    },
  };
}

function checkSymbols({ directory, manifest }: CheckedArtefact, bars: ReadonlyMap<SymbolId, BarColumns>): void {
  const { universe } = manifest;
  if (universe === 'any' || universe.symbols.some((symbol) => bars.has(symbol))) return;
  throw new ModelRefusedError(directory, 'universe', 'it was trained on none of the symbols of this backtest');
}

const noBars = (source: string) =>
  new MinutehandError('BACKTEST_WINDOW_INVALID', `${source} holds no bars of the symbols`, 'Name other candles.', {
    exitCode: 2,
  });
