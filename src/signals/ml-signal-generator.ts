import {
  type EpochMs,
  epochMs,
  type Forecast,
  type GateVerdict,
  HORIZON_NAMES,
  HORIZONS,
  type Horizon,
  type InstrumentStatus,
  MINUTE_MS,
  outputIndex,
  type ReasonCode,
  type Regime,
  type Signal,
  type SignalSide,
  type SymbolId,
} from '../core/index.ts';
import { type CostSettings, priceToNumber, type RoundTripCosts, roundTripCosts } from '../matching/index.ts';
import { confidenceOf, type EdgeHistories, edgeHistoryOf, isEdgeSampled, observeEdges } from './confidence.ts';
import { exitDistances } from './exit-distances.ts';
import { GATES, perSymbolLimit } from './gates.ts';
import { regimeEffect } from './regime.ts';
import type { SignalSettings } from './settings.ts';

/** What is known of a symbol besides its forecast. */
export interface SymbolContext {
  /** Close of the newest candle, price units. */
  readonly price: bigint;
  /** Price units; absent when the instrument is unknown. */
  readonly tick?: bigint;
  readonly status?: InstrumentStatus;
  /** Usual quote volume of a minute. */
  readonly minuteNotional: number;
  /** Standard deviation of a return over 15 minutes. */
  readonly volatility: number;
  /** Share of the notional that a long pays a short every 8 hours; absent where no feed tells. */
  readonly fundingRate?: number;
  readonly regime?: Regime;
  /** An earlier minute of it is unknown. */
  readonly isHistoryIncomplete: boolean;
}

export interface SignalInput {
  readonly book: string;
  readonly minute: EpochMs;
  readonly forecasts: readonly Forecast[];
  /** By symbol; a forecast without one is left out, as it has no price. */
  readonly contexts: ReadonlyMap<SymbolId, SymbolContext>;
  readonly coverage: number;
  readonly referencesPresent: boolean;
  readonly marketRegime?: Regime;
  /** Why no new entries are allowed in this minute. */
  readonly blocked?: ReasonCode;
  /** Quote value of a typical entry: what impact is estimated for. */
  readonly typicalNotional: number;
  readonly edges: EdgeHistories;
  /** The model's `edgeReference`; empty lists when unknown. */
  readonly edgeReference: Readonly<Partial<Record<Horizon, readonly number[]>>>;
}

export interface GeneratedSignals {
  /** Every candidate with its verdicts, in the order of the forecasts, the primary horizon first. */
  readonly signals: readonly Signal[];
  readonly edges: EdgeHistories;
}

/** A signal on which the last gate has not spoken yet. */
interface Candidate extends Signal {
  readonly verdicts: GateVerdict[];
  accepted: boolean;
}

/** Where a forecast holds what a horizon is judged on. */
const OUTPUTS = Object.fromEntries(
  HORIZON_NAMES.map((horizon) => [
    horizon,
    {
      return: outputIndex(`future_return_${horizon}`),
      up: outputIndex(`direction_${horizon}_up`),
      down: outputIndex(`direction_${horizon}_down`),
      flat: outputIndex(`direction_${horizon}_flat`),
    },
  ]),
) as Readonly<Record<Horizon, Readonly<Record<'return' | 'up' | 'down' | 'flat', number>>>>;
const RANK_OUTPUT = outputIndex('rank24h');

/** Turns forecasts into candidates, and those that pass every gate into signals. Stateless: histories go in and come out. */
export class MLSignalGenerator {
  readonly #settings: SignalSettings;
  readonly #costs: CostSettings;

  constructor(settings: SignalSettings, costs: CostSettings) {
    this.#settings = settings;
    this.#costs = costs;
  }

  generate(input: SignalInput): GeneratedSignals {
    const settings = this.#settings;
    const signals: Signal[] = [];
    for (const forecast of input.forecasts) {
      const context = input.contexts.get(forecast.symbol);
      if (context === undefined) continue;
      const { price, tick = 0n, minuteNotional } = context;
      const costs = roundTripCosts(this.#costs, { price, tick, notional: input.typicalNotional, minuteNotional });
      const candidates = settings.horizons.map((horizon) => this.#judge(forecast, horizon, costs, context, input));
      limitPerSymbol(candidates, settings);
      signals.push(...candidates);
    }
    const modelId = input.forecasts[0]?.modelId;
    if (modelId === undefined || !isEdgeSampled(input.minute, settings)) return { signals, edges: input.edges };
    // What a model says on cold features is no sample of what it says on warm ones.
    const warm = new Set(
      input.forecasts
        .filter((forecast) => forecast.maskedShare <= settings.maxMaskedShare)
        .map((forecast) => forecast.symbol),
    );
    const observations = signals.filter((signal) => warm.has(signal.symbol) && Number.isFinite(signal.netEdge));
    return { signals, edges: observeEdges(input.edges, modelId, observations, settings) };
  }

  #judge(
    forecast: Forecast,
    horizon: Horizon,
    trading: RoundTripCosts,
    context: SymbolContext,
    input: SignalInput,
  ): Candidate {
    const settings = this.#settings;
    const { symbol, minute, modelId } = forecast;
    const outputs = OUTPUTS[horizon];
    const valueAt = (output: number) => forecast.values[output] ?? Number.NaN;
    const forecastReturn = valueAt(outputs.return);
    const side: SignalSide = forecastReturn >= 0 ? 'long' : 'short';
    const isLong = side === 'long';
    const expectedReturn = Math.abs(forecastReturn);
    const costs = { ...trading, funding: fundingOf(horizon, side, context) };
    const expectedCost = costs.fees + costs.spread + costs.impact + (costs.funding ?? 0);
    const netEdge = expectedReturn - expectedCost;
    const [up, down, flat] = [valueAt(outputs.up), valueAt(outputs.down), valueAt(outputs.flat)];
    const rank = valueAt(RANK_OUTPUT);
    const confidence = confidenceOf(
      netEdge,
      expectedCost,
      edgeHistoryOf(input.edges, modelId, symbol, horizon),
      input.edgeReference[horizon] ?? [],
      settings,
    );
    const agreement = agreementOf(forecast, side);
    const uncertainty = entropyOf([up, down, flat]) / Math.log(3);
    const exits = exitDistances(forecast, horizon, side, context.volatility, settings);
    const effect = regimeEffect([input.marketRegime, context.regime], side, settings.regimes);
    const price = priceToNumber(context.price);
    const verdicts = GATES.map((gate) =>
      gate(
        {
          blocked: input.blocked,
          coverage: input.coverage,
          referencesPresent: input.referencesPresent,
          isHistoryIncomplete: context.isHistoryIncomplete,
          instrumentStatus: context.status,
          maskedShare: forecast.maskedShare,
          netEdge,
          directionLead: isLong ? up - down : down - up,
          rank: isLong ? rank : 1 - rank,
          confidence,
          agreement,
          uncertainty,
          stopDistance: exits.stopDistance,
          leastStopDistance: Math.max(expectedCost, priceToNumber(context.tick ?? 0n) / price),
          rewardToRisk: exits.rewardToRisk,
          isRegimeBlocked: effect.isBlocked,
        },
        settings,
      ),
    );
    const isPrimary = horizon === settings.horizons[0];
    return {
      id: `${input.book}/${minute}/${symbol}${isPrimary ? '' : `/${horizon}`}`,
      symbol,
      minute,
      modelId,
      side,
      horizon,
      expectedReturn,
      expectedCost,
      costs,
      netEdge,
      probability: isLong ? up : down,
      confidence,
      agreement,
      uncertainty,
      ...exits,
      expiresAt: epochMs(minute + settings.validityMinutes * MINUTE_MS),
      ...(input.marketRegime === undefined ? {} : { marketRegime: input.marketRegime }),
      ...(context.regime === undefined ? {} : { symbolRegime: context.regime }),
      sizeScale: effect.sizeScale,
      referencePrice: price,
      verdicts,
      accepted: verdicts.every((verdict) => verdict.passed),
    };
  }
}

/** 15-minute bars between two payments of funding. */
const FUNDING_BARS = 32;

/** What the holder of a position pays over a horizon, a share of the notional; null where no feed tells. */
function fundingOf(horizon: Horizon, side: SignalSide, { fundingRate }: SymbolContext): number | null {
  if (fundingRate === undefined) return null;
  return ((side === 'long' ? 1 : -1) * fundingRate * HORIZONS[horizon]) / FUNDING_BARS;
}

/** Share of the horizons with a return that agree with the side: a horizon whose return is shrunk to 0 says nothing. NaN without any. */
function agreementOf({ values }: Forecast, side: SignalSide): number {
  let [said, agreed] = [0, 0];
  for (const horizon of HORIZON_NAMES) {
    const value = values[OUTPUTS[horizon].return] ?? Number.NaN;
    if (value === 0) continue;
    said++;
    if (side === 'long' ? value > 0 : value < 0) agreed++;
  }
  return agreed / said;
}

/** In nats, of probabilities scaled to a sum of 1. */
function entropyOf(probabilities: readonly number[]): number {
  const sum = probabilities.reduce((total, value) => total + value, 0);
  return probabilities.reduce((entropy, value) => {
    const share = value / sum;
    return share === 0 ? entropy : entropy - share * Math.log(share);
  }, 0);
}

/** Accepted signals, strongest first: by net edge, then confidence, then name, so that the order never depends on the input's. */
export function rankSignals(signals: readonly Signal[]): Signal[] {
  return signals
    .filter((signal) => signal.accepted)
    .sort((a, b) => b.netEdge - a.netEdge || b.confidence - a.confidence || (a.id < b.id ? -1 : 1));
}

/** Of each symbol's candidates the one with the largest net edge, accepted or not, in the order given. */
export function strongestPerSymbol(signals: readonly Signal[]): Signal[] {
  const strongest = new Map<SymbolId, Signal>();
  for (const signal of signals) {
    const known = strongest.get(signal.symbol);
    if (known === undefined || signal.netEdge > known.netEdge) strongest.set(signal.symbol, signal);
  }
  return [...strongest.values()];
}

/** Adds the last gate: of a symbol's candidates that passed all others, the strongest `maxSignalsPerSymbol` stay. */
function limitPerSymbol(candidates: readonly Candidate[], settings: SignalSettings): void {
  const ranked: readonly Signal[] = rankSignals(candidates);
  for (const candidate of candidates) {
    const verdict = perSymbolLimit(candidate.accepted ? ranked.indexOf(candidate) : 0, settings);
    candidate.verdicts.push(verdict);
    candidate.accepted &&= verdict.passed;
  }
}
