import { z } from 'zod';

/** One value for each horizon. */
export const horizons = <Value extends z.ZodType>(value: Value) =>
  z.object({ '15m': value, '1h': value, '4h': value, '12h': value });

/** An `Estimate`, as stored. */
export const estimateSchema = z.object({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

/**
 * An `Evaluation`, as stored.
 * @param raw the information coefficient before calibration, which artefacts of before it was measured lack
 */
export function evaluationSchemaOf<Raw extends z.ZodType>(raw: Raw) {
  const estimate = estimateSchema;
  const squared = z.object({ meanSquaredError: z.number(), meanSquaredErrorOfBaseline: z.number() });
  const meanScore = z.object({
    macroF1: estimate,
    balancedAccuracy: estimate,
    logLoss: estimate,
    brier: estimate,
    signAccuracy: estimate,
    informationCoefficient: estimate,
    rawInformationCoefficient: raw,
  });
  const horizonScore = meanScore.extend({
    accuracy: estimate,
    calibrationError: estimate,
    classF1: z.array(z.number().nullable()).readonly(),
    confusion: z.array(z.array(z.number()).readonly()).readonly(),
    meanSquaredError: z.number(),
    meanSquaredErrorOfZero: z.number(),
    meanAbsoluteForecast: z.number(),
  });
  const difference = z.object({ macroF1: estimate, logLoss: estimate });
  const baseline = z
    .object({ mean: meanScore, difference, horizons: horizons(horizonScore.extend({ difference })) })
    .nullable();
  const name = z.string().min(1);
  return z.object({
    rows: z.number(),
    times: z.number(),
    days: z.number(),
    symbols: z.number(),
    from: z.number(),
    to: z.number(),
    runLengthDays: z.number(),
    inSample: z.boolean(),
    mean: meanScore,
    horizons: horizons(horizonScore),
    levels: z.record(
      name,
      z.object({
        logLoss: estimate,
        brier: estimate,
        calibrationError: estimate,
        logLossOfBaseRate: z.number().nullable(),
        brierOfBaseRate: z.number().nullable(),
        share: z.number(),
      }),
    ),
    risks: z.record(name, squared),
    rank24h: squared.extend({ informationCoefficient: estimate, rawInformationCoefficient: raw }),
    baselines: z.object({ majority: baseline, persistence: baseline, volatilityOnly: baseline, linear: baseline }),
  });
}

export const evaluationSchema = evaluationSchemaOf(estimateSchema);
