import {
  at32,
  type FeaturePanel,
  FORECAST_WIDTH,
  type Forecast,
  type ReasonCode,
  type SymbolId,
} from '../core/index.ts';
import { applyScaler } from '../features/index.ts';
import type { CheckedArtefact } from './artefact.ts';
import { type BarSeries, PatchCache } from './network/patch-cache.ts';
import { patchCount } from './network/unified-patchtst.ts';
import { openNetworkParts } from './network-parts.ts';
import {
  checkPanel,
  closedError,
  forecastOf,
  inputColumns,
  maskedInputs,
  outputReader,
  type RuntimeOptions,
  type ServedPredictor,
  SMALLEST_BATCH,
} from './served-predictor.ts';

/**
 * Serves a UnifiedPatchTST with kept embeddings: a minute costs one new patch per symbol, not a whole window. The cache begins empty, so that
 * symbols are withheld (MODEL_CONTEXT_INCOMPLETE) until their 24 h of rows were observed.
 * @throws ModelRefusedError naming `network`, `weights` or `model.onnx`
 */
export async function openNetwork(artefact: CheckedArtefact, options: RuntimeOptions): Promise<ServedPredictor> {
  const { manifest, directory } = artefact;
  const { modelId, featureSetHash, edgeReference, scaler, featureNames } = manifest;
  const { shape, sessions } = await openNetworkParts(artefact, { threads: options.threads ?? 1 });
  const { features, patch, width } = shape;
  const patches = patchCount(shape);
  const inputs = inputColumns(manifest);
  const outputs = outputReader(manifest);
  const cache = new PatchCache(shape);
  const batch = Math.max(SMALLEST_BATCH, options.batchSize);
  const bars = new Float32Array(batch * patch * features);
  const contexts = new Float32Array(batch * patches * width);
  const last = new Float32Array(batch * features);
  let scaled = new Float32Array(0);
  let closed = false;
  /** Buffers are shared: rows that are observed beside a minute's forecasts wait for them, and the other way round. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const own = turn.then(work);
    turn = own.catch(() => undefined);
    return own;
  };

  /** Takes the rows of a panel in and embeds what they end. */
  async function takeIn(panel: FeaturePanel): Promise<void> {
    if (closed) throw closedError(modelId);
    checkPanel(panel, directory, manifest);
    if (scaled.length < panel.values.length) scaled = new Float32Array(panel.values.length);
    applyScaler(panel.values, panel.masked, scaler, scaled);
    const row = new Float32Array(features);
    const due: { readonly series: BarSeries; readonly bar: number }[] = [];
    cache.forgetBefore(panel.minute);
    panel.symbols.forEach((symbol, index) => {
      for (let k = 0; k < features; k++) row[k] = at32(scaled, index * featureNames.length + (inputs[k] ?? 0));
      const isMissing = maskedInputs(panel, index, inputs) === features;
      const { series, from } = cache.push(symbol, panel.minute, row, 0, isMissing);
      for (let bar = from; bar <= series.newest; bar++) due.push({ series, bar });
    });
    for (let from = 0; from < due.length; from += batch) {
      const part = due.slice(from, from + batch);
      part.forEach(({ series, bar }, index) => {
        cache.copyBars(series, bar, bars, index * patch * features);
      });
      const embeddings = await sessions.embed(bars, Math.max(SMALLEST_BATCH, part.length));
      part.forEach(({ series, bar }, index) => {
        cache.keep(series, bar, embeddings, index * width);
      });
    }
  }

  const wholeAt = (panel: FeaturePanel, symbol: SymbolId): BarSeries | undefined => {
    const series = cache.at(symbol, panel.minute);
    return series && cache.isWhole(series) ? series : undefined;
  };

  async function predict(panel: FeaturePanel): Promise<Forecast[]> {
    await takeIn(panel);
    const whole = panel.symbols.flatMap((symbol, row) => {
      const series = wholeAt(panel, symbol);
      return series ? [{ row, series }] : [];
    });
    const forecasts: Forecast[] = [];
    for (let from = 0; from < whole.length; from += batch) {
      const part = whole.slice(from, from + batch);
      part.forEach(({ series }, index) => {
        cache.copyEmbeddings(series, contexts, index * patches * width);
        cache.copyNewest(series, last, index * features);
      });
      const rows = Math.max(SMALLEST_BATCH, part.length);
      const values = outputs.read(await sessions.forecast(contexts, last, rows, outputs.names), part.length);
      part.forEach(({ row }, index) => {
        const own = values.slice(index * FORECAST_WIDTH, (index + 1) * FORECAST_WIDTH);
        forecasts.push(forecastOf(panel, row, own, modelId, inputs));
      });
    }
    return forecasts;
  }

  return {
    modelId,
    featureSetHash,
    edgeReference,
    manifest,
    directory,
    contextBars: shape.context,
    observe: (panel) => inTurn(() => takeIn(panel)),
    predict: (panel) => inTurn(() => predict(panel)),
    withheld(panel) {
      const reasons = new Map<SymbolId, ReasonCode>();
      for (const symbol of panel.symbols) {
        if (!wholeAt(panel, symbol)) reasons.set(symbol, 'MODEL_CONTEXT_INCOMPLETE');
      }
      return reasons;
    },
    async close() {
      if (closed) return;
      closed = true;
      await turn;
      cache.clear();
      await sessions.close();
    },
  };
}
