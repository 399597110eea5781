import { Tensor } from 'onnxruntime-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, type EpochMs, epochMs, type FeaturePanel, type Forecast, MINUTE_MS } from '../core/index.ts';
import { applyScaler } from '../features/index.ts';
import { createSession } from '../tensor/index.ts';
import { openNetwork } from './network-predictor.ts';
import { randomNetwork, SMALL_NETWORK } from './random-network.fixture.ts';
import { inputColumns, outputReader, type ServedPredictor, SMALLEST_BATCH } from './served-predictor.ts';

const shape = SMALL_NETWORK;
const { context, features } = shape;
const artefact = randomNetwork(shape, { absent: 2 });
const { manifest } = artefact;
const inputs = inputColumns(manifest);
const width = manifest.featureNames.length;
/** 07:03: not where a phase or an hour begins. */
const START = Date.UTC(2025, 4, 1, 7, 3);
const at = (index: number): EpochMs => epochMs(START + index * MINUTE_MS);

const opened: ServedPredictor[] = [];
const open = async (batchSize = 64): Promise<ServedPredictor> => {
  const predictor = await openNetwork(artefact, { batchSize });
  opened.push(predictor);
  return predictor;
};
afterEach(async () => {
  for (const predictor of opened.splice(0)) await predictor.close();
});

/** The same network without a cache: what it says of the last `context` rows of a symbol's phase, each 15 minutes apart. */
let uncached: Awaited<ReturnType<typeof createSession>>;
beforeAll(async () => {
  uncached = await createSession(artefact.onnx);
});
afterAll(() => uncached.release());

/** What was seen of every symbol and minute, as raw rows. */
class Market {
  readonly #random = createRandom('market');
  readonly #rows = new Map<string, { values: Float32Array; masked: Uint8Array }>();

  panel(
    minute: EpochMs,
    symbols: readonly string[],
    isMasked: (symbol: string) => boolean = () => false,
  ): FeaturePanel {
    const values = new Float32Array(symbols.length * width);
    const masked = new Uint8Array(symbols.length * width);
    symbols.forEach((symbol, index) => {
      for (let column = 0; column < width; column++) {
        const isHidden = isMasked(symbol) || this.#random.uniform() < 0.05;
        values[index * width + column] = isHidden ? Number.NaN : this.#random.normal();
        masked[index * width + column] = isHidden ? 1 : 0;
      }
      this.#rows.set(`${symbol} ${minute}`, {
        values: values.slice(index * width, (index + 1) * width),
        masked: masked.slice(index * width, (index + 1) * width),
      });
    });
    return { minute, symbols, width, featureSetHash: manifest.featureSetHash, values, masked };
  }

  /** Compares forecasts of one minute, at most SMALLEST_BATCH of them, with those of the whole network. */
  async check(forecasts: readonly Forecast[]): Promise<void> {
    if (forecasts.length === 0) return;
    const windows = new Float32Array(SMALLEST_BATCH * context * features);
    forecasts.forEach(({ symbol, minute }, index) => {
      for (let bar = 0; bar < context; bar++) {
        const row = this.#rows.get(`${symbol} ${minute - (context - 1 - bar) * 15 * MINUTE_MS}`);
        if (!row) continue;
        const scaled = new Float32Array(width);
        applyScaler(row.values, row.masked, manifest.scaler, scaled);
        inputs.forEach((column, k) => {
          windows[(index * context + bar) * features + k] = scaled[column] ?? Number.NaN;
        });
      }
    });
    const outputs = outputReader(manifest);
    const input = new Tensor('float32', windows, [SMALLEST_BATCH, context, features]);
    const expected = outputs.read(await uncached.run({ windows: input }, outputs.names), forecasts.length);
    forecasts.forEach(({ symbol, minute, values }, index) => {
      const own = expected.subarray(index * values.length, (index + 1) * values.length);
      const difference = Math.max(...values.map((value, column) => Math.abs(value - (own[column] ?? Number.NaN))));
      expect(difference, `${symbol} ${minute}`).toBeLessThan(1e-5);
    });
  }
}

describe('a network served with kept embeddings', () => {
  it('says what the whole network says of every window, with fifteen phases interleaved', async () => {
    const predictor = await open(3);
    const market = new Market();
    const symbols = ['A', 'B', 'C', 'D'];
    expect(predictor.contextBars).toBe(context);
    for (let minute = 0; minute < 15 * (context + 3); minute++) {
      const panel = market.panel(at(minute), symbols);
      const forecasts = await predictor.predict(panel);
      const isWhole = minute >= 15 * (context - 1);
      expect(forecasts.map(({ symbol }) => symbol)).toEqual(isWhole ? symbols : []);
      expect([...predictor.withheld(panel).keys()]).toEqual(isWhole ? [] : symbols);
      await market.check(forecasts);
    }
  });

  it('carries up to three missing bars of a context as zeros, and withholds a symbol that misses more of them', async () => {
    const predictor = await open();
    const market = new Market();
    const forecastAt: Record<string, number[]> = { A: [], B: [], C: [], D: [] };
    // Bars of one phase that a symbol misses; B's fourth is a row in which nothing is known.
    const missing: Record<string, number[]> = { B: [20, 25, 26], C: [20, 21, 22, 23], D: [20, 21, 22] };
    for (let bar = 0; bar < 50; bar++) {
      const members = ['A', 'B', 'C', 'D'].filter((symbol) => !missing[symbol]?.includes(bar));
      const panel = market.panel(at(15 * bar), members, (symbol) => symbol === 'B' && bar === 30);
      const forecasts = await predictor.predict(panel);
      await market.check(forecasts);
      for (const { symbol } of forecasts) forecastAt[symbol]?.push(bar);
      const withheld = predictor.withheld(panel);
      expect([...withheld.keys()]).toEqual(members.filter((symbol) => !forecasts.some((own) => own.symbol === symbol)));
      expect(new Set(withheld.values())).toEqual(new Set(withheld.size > 0 ? ['MODEL_CONTEXT_INCOMPLETE'] : []));
    }
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
    expect(forecastAt.A).toEqual(range(context - 1, 50));
    expect(forecastAt.B).toEqual([
      ...range(context - 1, 20),
      ...range(21, 25),
      ...range(27, 30),
      ...range(20 + context, 50),
    ]);
    expect(forecastAt.C).toEqual([...range(context - 1, 20), ...range(24 + context - 1, 50)]);
    expect(forecastAt.D).toEqual([...range(context - 1, 20), ...range(23, 50)]);
  });

  it('lets a symbol join late, and gives one up whose bars are too old for any context', async () => {
    const predictor = await open();
    const market = new Market();
    const forecastAt: number[] = [];
    for (let bar = 0; bar < 60; bar++) {
      const isThere = (bar >= 7 && bar < 30) || bar >= 36;
      const forecasts = await predictor.predict(market.panel(at(15 * bar), isThere ? ['A', 'LATE'] : ['A']));
      await market.check(forecasts);
      if (forecasts.some(({ symbol }) => symbol === 'LATE')) forecastAt.push(bar);
    }
    const expected = Array.from({ length: 60 }, (_, bar) => bar).filter(
      (bar) => (bar >= 7 + context - 1 && bar < 30) || bar >= 36 + context - 1,
    );
    expect(forecastAt).toEqual(expected);
  });

  it('has the same context from rows that were only observed', async () => {
    const [observing, predicting] = [await open(), await open()];
    const market = new Market();
    for (let bar = 0; bar < context; bar++) {
      const panel = market.panel(at(15 * bar), ['A', 'B']);
      const own = bar < context - 1 ? await observing.observe(panel) : await observing.predict(panel);
      const other = await predicting.predict(panel);
      if (bar === context - 1) {
        expect(own).toEqual(other);
        expect(other).toHaveLength(2);
      }
    }
  });

  it('takes the newest minute again and says the same, and refuses one that came before it', async () => {
    const predictor = await open();
    const market = new Market();
    let panel = market.panel(at(0), ['A']);
    for (let bar = 0; bar < context; bar++) {
      panel = market.panel(at(15 * bar), ['A']);
      await predictor.observe(panel);
    }
    const once = await predictor.predict(panel);
    expect(once).toHaveLength(1);
    expect(await predictor.predict(panel)).toEqual(once);
    await expect(predictor.predict({ ...panel, minute: at(0) })).rejects.toMatchObject({ code: 'MODEL_MINUTE_PAST' });
  });

  it('refuses panels of other features or of another width, and serves no more once closed', async () => {
    const predictor = await open();
    const panel = new Market().panel(at(0), ['A']);
    const refused = { code: 'MODEL_REFUSED' };
    await expect(predictor.predict({ ...panel, featureSetHash: 'other' })).rejects.toMatchObject({
      ...refused,
      field: 'featureSetHash',
    });
    await expect(predictor.observe({ ...panel, width: 3 })).rejects.toMatchObject({ ...refused, field: 'features' });
    await predictor.close();
    await predictor.close();
    await expect(predictor.predict(panel)).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
  });

  it('refuses weights that do not fit the shape, and a file that computes something else', async () => {
    const shaped = (change: Partial<typeof shape>) => ({
      ...artefact,
      manifest: { ...manifest, network: { ...manifest.network, shape: { ...shape, ...change } } },
    });
    const openWith = (changed: unknown) => openNetwork(changed as typeof artefact, { batchSize: 8 });
    await expect(openWith(shaped({ width: 16 }))).rejects.toMatchObject({ code: 'MODEL_REFUSED', field: 'weights' });
    await expect(openWith(shaped({ heads: 4 }))).rejects.toMatchObject({ field: 'model.onnx' });
    await expect(openWith(shaped({ activation: 'silu' }))).rejects.toMatchObject({ field: 'model.onnx' });
  });
});
