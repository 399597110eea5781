import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, type FeaturePanel, FORECAST_WIDTH } from '../core/index.ts';
import { computeFeatures, featureSet } from '../features/index.ts';
import { type CheckedArtefact, checkArtefact, listArtefacts, loadPredictor } from '../model/index.ts';
import { type ForecastTableRequest, makeForecasts } from './forecast-table.ts';
import { barsFrom, closeAt, root, START, walk } from './replay-fixture.ts';

const HISTORY_DAYS = 18;
const first = epochMs(START - HISTORY_DAYS * DAY_MS);
const series = (symbol: string) => walk(symbol, HISTORY_DAYS * 96 + 60);
/** A hole that ends before the range, of four bars, in the context of a network's first forecasts. */
const withHole = series('SOLUSDT').map((bar, index) =>
  index > HISTORY_DAYS * 96 - 20 && index <= HISTORY_DAYS * 96 - 16 ? undefined : bar,
);
const bars = new Map([
  ['BTCUSDT', barsFrom(series('BTCUSDT'), first)],
  ['ETHUSDT', barsFrom(series('ETHUSDT'), first)],
  ['FOREIGN', barsFrom(series('FOREIGN'), first)],
  ['SOLUSDT', barsFrom(withHole, first)],
]);

let artefacts: CheckedArtefact[];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forecasts-'));
  const { artefacts: listed } = await listArtefacts(join(root, 'models'));
  const expected = { featureSetHash: featureSet().hash, universe: undefined };
  artefacts = await Promise.all(listed.map(({ directory }) => checkArtefact(directory, expected)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const kindOf = (kind: string): CheckedArtefact => {
  const found = artefacts.find(({ manifest }) => manifest.kind === kind);
  if (!found) throw new Error(`no packaged ${kind}`);
  return found;
};

const requestFor = (kind: string, changes: Partial<ForecastTableRequest> = {}): ForecastTableRequest => ({
  artefact: kindOf(kind),
  bars,
  references: ['BTCUSDT', 'ETHUSDT'],
  from: closeAt(1),
  to: closeAt(40),
  workers: 1,
  ...changes,
});

describe.each(['linear-baseline', 'unified-patchtst'])('forecasts of a %s, made at once', (kind) => {
  it('are those that it makes bar by bar', async () => {
    const table = await makeForecasts(requestFor(kind));
    const artefact = kindOf(kind);
    const context = (artefact.manifest.network?.shape.context ?? 1) - 1;
    const own = new Map([...bars].filter(([symbol]) => symbol !== 'FOREIGN'));
    const live = await loadPredictor(artefact.directory, {
      featureSetHash: featureSet().hash,
      universe: undefined,
      batchSize: 8,
    });
    // The panel of the features is the whole one: cross-sectional ones see the foreign symbol, too.
    const columns = computeFeatures({
      bars15m: bars,
      references: ['BTCUSDT', 'ETHUSDT'],
      from: closeAt(1 - context),
      to: closeAt(40),
    });
    let compared = 0;
    for (const [row, time] of columns.times.entries()) {
      const symbols = [...own.keys()].filter((symbol) => {
        const values = columns.values.get(symbol)?.subarray(row * columns.width, (row + 1) * columns.width);
        return values?.some((value) => !Number.isNaN(value));
      });
      const values = new Float32Array(symbols.length * columns.width);
      symbols.forEach((symbol, index) => {
        const of = columns.values.get(symbol) ?? new Float32Array(0);
        values.set(of.subarray(row * columns.width, (row + 1) * columns.width), index * columns.width);
      });
      const panel: FeaturePanel = {
        minute: epochMs(time),
        symbols,
        width: columns.width,
        featureSetHash: columns.featureSetHash,
        values,
        masked: Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0)),
      };
      if (time < closeAt(1)) {
        await live.observe(panel);
        continue;
      }
      const expected = await live.predict(panel);
      const made = table.at(epochMs(time));
      expect(made.map(({ symbol }) => symbol)).toEqual(expected.map(({ symbol }) => symbol));
      for (const [index, forecast] of expected.entries()) {
        expect(made[index]?.maskedShare).toBeCloseTo(forecast.maskedShare, 6);
        for (let k = 0; k < FORECAST_WIDTH; k++) {
          expect(made[index]?.values[k]).toBeCloseTo(forecast.values[k] ?? Number.NaN, 5);
        }
        compared++;
      }
    }
    await live.close();
    expect(compared).toBeGreaterThanOrEqual(80);
  }, 60_000);

  it('do not depend on the length of the stretches, and come back from the files they were kept in', async () => {
    const cache = join(folder, kind);
    const whole = await makeForecasts(requestFor(kind));
    const parts = await makeForecasts(requestFor(kind, { chunkMs: DAY_MS / 6, cache }));
    expect(parts.rows.times).toEqual(whole.rows.times);
    expect(parts.rows.symbolIndex).toEqual(whole.rows.symbolIndex);
    whole.rows.values.forEach((value, index) => {
      expect(Math.abs((parts.rows.values[index] ?? 0) - value)).toBeLessThan(1e-5);
    });
    const files = await readdir(cache);
    expect(files.length).toBe(3);
    const again = await makeForecasts(requestFor(kind, { chunkMs: DAY_MS / 6, cache }));
    expect(again.rows).toEqual(parts.rows);
    // What is cut off is made again.
    await writeFile(join(cache, files[0] ?? ''), 'cut off');
    expect((await makeForecasts(requestFor(kind, { chunkMs: DAY_MS / 6, cache }))).rows).toEqual(parts.rows);
    // Beyond the room that there is, those used longest ago go.
    const stale = join(cache, 'stale.forecasts');
    await writeFile(stale, 'of an earlier run');
    await utimes(stale, 0, 0);
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(cache, file))).size));
    const cacheBytes = sizes.reduce((sum, size) => sum + size, 0);
    await makeForecasts(requestFor(kind, { chunkMs: DAY_MS / 6, cache, cacheBytes }));
    expect((await readdir(cache)).sort()).toEqual(files.sort());
  }, 60_000);
});
