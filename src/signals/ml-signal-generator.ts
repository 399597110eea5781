import {
  type EpochMs,
  type Forecast,
  type Horizon,
  type InstrumentStatus,
  outputOf,
  type ReasonCode,
  type Signal,
  type SymbolId,
} from '../core/index.ts';
import { type CostSettings, priceToNumber, roundTripCost } from '../matching/index.ts';
import { confidenceOf, type EdgeHistories, edgeHistoryOf, isEdgeSampled, observeEdges } from './confidence.ts';
import { GATES, perSymbolLimit } from './gates.ts';
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
      const candidates = settings.horizons.map((horizon) => this.#judge(forecast, horizon, context, input));
      signals.push(...limitPerSymbol(candidates, settings));
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

  #judge(forecast: Forecast, horizon: Horizon, context: SymbolContext, input: SignalInput): Signal {
    const { symbol, minute, modelId } = forecast;
    const forecastReturn = outputOf(forecast, `future_return_${horizon}`);
    const isLong = forecastReturn >= 0;
    const expectedReturn = Math.abs(forecastReturn);
    const expectedCost = roundTripCost(this.#costs, {
      price: context.price,
      tick: context.tick ?? 0n,
      notional: input.typicalNotional,
      minuteNotional: context.minuteNotional,
    });
    const netEdge = expectedReturn - expectedCost;
    const up = outputOf(forecast, `direction_${horizon}_up`);
    const down = outputOf(forecast, `direction_${horizon}_down`);
    const rank = outputOf(forecast, 'rank24h');
    const confidence = confidenceOf(
      netEdge,
      expectedCost,
      edgeHistoryOf(input.edges, modelId, symbol, horizon),
      input.edgeReference[horizon] ?? [],
      this.#settings,
    );
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
        },
        this.#settings,
      ),
    );
    const isPrimary = horizon === this.#settings.horizons[0];
    return {
      id: `${input.book}/${minute}/${symbol}${isPrimary ? '' : `/${horizon}`}`,
      symbol,
      minute,
      modelId,
      side: isLong ? 'long' : 'short',
      horizon,
      expectedReturn,
      expectedCost,
      netEdge,
      probability: isLong ? up : down,
      confidence,
      referencePrice: priceToNumber(context.price),
      verdicts,
      accepted: verdicts.every((verdict) => verdict.passed),
    };
  }
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
function limitPerSymbol(candidates: readonly Signal[], settings: SignalSettings): Signal[] {
  const ranked = rankSignals(candidates);
  return candidates.map((candidate) => {
    const verdict = perSymbolLimit(candidate.accepted ? ranked.indexOf(candidate) : 0, settings);
    return { ...candidate, verdicts: [...candidate.verdicts, verdict], accepted: candidate.accepted && verdict.passed };
  });
}
