import { at32 } from '../../core/index.ts';
import type { CheckedArtefact } from '../artefact.ts';
import type { Dataset } from '../dataset.ts';
import type { ChosenRows } from '../design-matrix.ts';
import type { Manifest } from '../manifest.ts';
import { MOST_MISSING_BARS } from '../network/patch-cache.ts';
import { openPredictor } from '../predictor.ts';
import { inputColumns } from '../served-predictor.ts';
import { type ForecastsWithHeads, forecastRows, predictorForecaster } from './row-forecaster.ts';
import { openWindowForecaster } from './window-forecaster.ts';

/** Rows per call of the runtime. */
const BATCH = 512;

/** What a model says of chosen rows of a dataset, in their order: what it says live of the same bars, to the runtime's rounding. */
export async function forecastArtefactRows(
  artefact: CheckedArtefact,
  dataset: Dataset,
  chosen: Pick<ChosenRows, 'times' | 'symbolIndex'>,
  onProgress?: (done: number, total: number) => void,
): Promise<ForecastsWithHeads> {
  if (artefact.manifest.kind === 'unified-patchtst') {
    const forecaster = await openWindowForecaster(artefact, dataset);
    return forecastRows(forecaster, dataset, chosen, onProgress).finally(() => forecaster.close());
  }
  const predictor = await openPredictor(artefact, { batchSize: BATCH });
  const forecaster = predictorForecaster(predictor, artefact.manifest.calibration, dataset);
  return forecastRows(forecaster, dataset, chosen, onProgress).finally(() => predictor.close());
}

/** Rows that a model forecasts live, ascending in time. */
export interface ServableRows extends Pick<ChosenRows, 'times' | 'symbolIndex'> {
  /** [rows] Share of the model's inputs that is masked, 0 to 1. */
  readonly maskedShare: Float32Array;
}

/**
 * The rows from `firstRow` on that a model forecasts live: those of its symbols with a bar, and with a context of which at most
 * {@link MOST_MISSING_BARS} bars are missing.
 */
export function servableRows(
  manifest: Pick<Manifest, 'featureNames' | 'scaler' | 'universe' | 'network'>,
  { symbols, times, features, width }: Pick<Dataset, 'symbols' | 'times' | 'features' | 'width'>,
  firstRow: number,
): ServableRows {
  const inputs = inputColumns(manifest);
  const context = manifest.network?.shape.context ?? 1;
  const known = manifest.universe === 'any' ? undefined : new Set(manifest.universe.symbols);
  const masked = new Float32Array(symbols.length * times.length).fill(Number.NaN);
  symbols.forEach((symbol, index) => {
    if (known?.has(symbol) === false) return;
    const values = features.get(symbol) ?? new Float32Array(0);
    const counts = Uint16Array.from(times, (_, row) => {
      let count = 0;
      for (const column of inputs) if (Number.isNaN(at32(values, row * width + column))) count++;
      return count;
    });
    // Rows before the first are as missing ones.
    let missing = context;
    for (let row = 0; row < times.length; row++) {
      if (counts[row] !== inputs.length) missing--;
      if (row >= context && counts[row - context] !== inputs.length) missing++;
      const isServable = row >= firstRow && counts[row] !== inputs.length;
      const most = context === 1 ? 0 : MOST_MISSING_BARS;
      if (isServable && missing <= most) masked[index * times.length + row] = (counts[row] ?? 0) / inputs.length;
    }
  });
  const rows = { times: [] as number[], symbolIndex: [] as number[], maskedShare: [] as number[] };
  for (let row = firstRow; row < times.length; row++) {
    for (let index = 0; index < symbols.length; index++) {
      const share = at32(masked, index * times.length + row);
      if (Number.isNaN(share)) continue;
      rows.times.push(times[row] ?? 0);
      rows.symbolIndex.push(index);
      rows.maskedShare.push(share);
    }
  }
  return {
    times: Float64Array.from(rows.times),
    symbolIndex: Int32Array.from(rows.symbolIndex),
    maskedShare: Float32Array.from(rows.maskedShare),
  };
}
