import { z } from 'zod';
import { type EpochMs, epochMs, HORIZON_NAMES, type Horizon } from '../core/index.ts';

/** Figures of one horizon on the test window; null where the manifest does not say. */
export interface HorizonFigures {
  /** Mean over times of the rank correlation across symbols. */
  readonly informationCoefficient: number | null;
  /** Of the head before calibration, which can shrink it to nothing. */
  readonly rawInformationCoefficient: number | null;
  /** Of the direction's probabilities, nats. */
  readonly logLoss: number | null;
  /** The same of the training window's base rates. */
  readonly logLossOfMajority: number | null;
  readonly macroF1: number | null;
}

/** What a list of models shows of one. */
export interface ModelSummary {
  /** `unknown` where the manifest does not say. */
  readonly kind: string;
  /** In order of time. */
  readonly windows: Readonly<Record<string, { readonly from: EpochMs; readonly to: EpochMs; readonly rows: number }>>;
  /** Where the figures come from; null where the manifest does not say. */
  readonly market: { readonly source: string; readonly plantedEdge: boolean; readonly description?: string } | null;
  readonly figures: Readonly<Record<Horizon, HorizonFigures>>;
  /** The same of a linear model on the same rows; null where the manifest has none. */
  readonly linearFigures: Readonly<Record<Horizon, HorizonFigures>> | null;
  /** Mean over the horizons. */
  readonly macroF1: number | null;
}

/**
 * Summarizes a manifest of any kind and version, also one that this version does not serve: what it lacks, or holds in another form, is
 * left out.
 */
export function summarizeManifest(manifest: unknown): ModelSummary {
  const { kind, windows, market, metrics } = lenient.parse(manifest);
  const { majority, linear } = metrics.baselines;
  const figuresOf = (horizons: z.infer<typeof horizonFigures>) =>
    Object.fromEntries(
      HORIZON_NAMES.map((horizon): [string, HorizonFigures] => [
        horizon,
        {
          informationCoefficient: horizons[horizon]?.informationCoefficient ?? null,
          rawInformationCoefficient: horizons[horizon]?.rawInformationCoefficient ?? null,
          logLoss: horizons[horizon]?.logLoss ?? null,
          logLossOfMajority: majority?.horizons[horizon]?.logLoss ?? null,
          macroF1: horizons[horizon]?.macroF1 ?? null,
        },
      ]),
    ) as Record<Horizon, HorizonFigures>;
  return {
    kind,
    windows: Object.fromEntries(Object.entries(windows).sort(([, a], [, b]) => a.from - b.from)),
    market,
    figures: figuresOf(metrics.horizons),
    linearFigures: linear ? figuresOf(linear.horizons) : null,
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
  .record(
    z.string(),
    z.object({
      informationCoefficient: figure,
      rawInformationCoefficient: figure,
      logLoss: figure,
      macroF1: figure,
    }),
  )
  .catch({});
const baseline = z.object({ horizons: horizonFigures }).nullish().catch(null);
const metrics = z.object({
  mean: z.object({ macroF1: figure }).catch({ macroF1: null }),
  horizons: horizonFigures,
  baselines: z.object({ majority: baseline, linear: baseline }).catch({ majority: null, linear: null }),
});
const NO_METRICS: z.infer<typeof metrics> = {
  mean: { macroF1: null },
  horizons: {},
  baselines: { majority: null, linear: null },
};
const lenient = z
  .object({
    kind: z.string().catch('unknown'),
    windows: z.record(z.string(), window).catch({}),
    market: z
      .object({ source: z.string(), plantedEdge: z.boolean(), description: z.string().optional() })
      .transform(({ description, ...rest }) => ({ ...rest, ...(description === undefined ? {} : { description }) }))
      .nullable()
      .catch(null),
    metrics: metrics.catch(NO_METRICS),
  })
  .catch({ kind: 'unknown', windows: {}, market: null, metrics: NO_METRICS });
