import { z } from 'zod';
import { type EpochMs, epochMs, HORIZON_NAMES, type Horizon } from '../core/index.ts';

/** Figures of one horizon on the test window; null where the manifest does not say. */
export interface HorizonFigures {
  /** Mean over times of the rank correlation across symbols. */
  readonly informationCoefficient: number | null;
  /** Of the direction's probabilities, nats. */
  readonly logLoss: number | null;
  /** The same of the training window's base rates. */
  readonly logLossOfMajority: number | null;
  readonly macroF1: number | null;
}

/** What a list of models shows of one. */
export interface ModelSummary {
  /** In order of time. */
  readonly windows: Readonly<Record<string, { readonly from: EpochMs; readonly to: EpochMs; readonly rows: number }>>;
  /** Where the figures come from; null where the manifest does not say. */
  readonly market: { readonly source: string; readonly plantedEdge: boolean; readonly description?: string } | null;
  readonly figures: Readonly<Record<Horizon, HorizonFigures>>;
  /** Mean over the horizons. */
  readonly macroF1: number | null;
}

/**
 * Summarizes a manifest of any kind and version, also one that this version does not serve: what it lacks, or holds in another form, is
 * left out.
 */
export function summarizeManifest(manifest: unknown): ModelSummary {
  const { windows, market, metrics } = lenient.parse(manifest);
  const figures = Object.fromEntries(
    HORIZON_NAMES.map((horizon): [string, HorizonFigures] => [
      horizon,
      {
        informationCoefficient: metrics.horizons[horizon]?.informationCoefficient ?? null,
        logLoss: metrics.horizons[horizon]?.logLoss ?? null,
        logLossOfMajority: metrics.baselines.majority?.horizons[horizon]?.logLoss ?? null,
        macroF1: metrics.horizons[horizon]?.macroF1 ?? null,
      },
    ]),
  ) as Record<Horizon, HorizonFigures>;
  return {
    windows: Object.fromEntries(Object.entries(windows).sort(([, a], [, b]) => a.from - b.from)),
    market,
    figures,
    macroF1: metrics.mean.macroF1 ?? null,
  };
}

/** A figure, or an estimate of it whose interval is left out here. */
const figure = z
  .union([z.number(), z.object({ value: z.number().nullable() }).transform(({ value }) => value)])
  .nullish()
  .catch(null);
const window = z.object({ from: z.number().transform(epochMs), to: z.number().transform(epochMs), rows: z.number() });
const horizonFigures = z
  .record(z.string(), z.object({ informationCoefficient: figure, logLoss: figure, macroF1: figure }))
  .catch({});
const metrics = z.object({
  mean: z.object({ macroF1: figure }).catch({ macroF1: null }),
  horizons: horizonFigures,
  baselines: z.object({ majority: z.object({ horizons: horizonFigures }).nullish().catch(null) }).catch({}),
});
const NO_METRICS: z.infer<typeof metrics> = { mean: { macroF1: null }, horizons: {}, baselines: {} };
const lenient = z
  .object({
    windows: z.record(z.string(), window).catch({}),
    market: z
      .object({ source: z.string(), plantedEdge: z.boolean(), description: z.string().optional() })
      .transform(({ description, ...rest }) => ({ ...rest, ...(description === undefined ? {} : { description }) }))
      .nullable()
      .catch(null),
    metrics: metrics.catch(NO_METRICS),
  })
  .catch({ windows: {}, market: null, metrics: NO_METRICS });
