import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, FORECAST_WIDTH, joinColumn, outputIndex } from '../../core/index.ts';
import { BAR_MS } from '../dataset.ts';
import { randomNetwork, SMALL_NETWORK } from '../random-network.fixture.ts';
import { RANKING_HEADS } from '../raw-outputs.ts';
import { day, REFERENCES, SYMBOLS, walk } from './candle-market.fixture.ts';
import { type JudgedPart, judgeForecasts, type MadeForecasts } from './judge-forecasts.ts';

const { manifest } = randomNetwork(SMALL_NETWORK);
const bars = new Map(SYMBOLS.map((symbol) => [symbol, walk(symbol, 0)]));
const BARS_PER_DAY = DAY_MS / BAR_MS;

/** Forecasts of all symbols for some days, at random. */
function noise(from: number, days: number): MadeForecasts {
  const random = createRandom(`forecasts/${from}`);
  const rows = days * BARS_PER_DAY * SYMBOLS.length;
  const values = Float32Array.from({ length: rows * FORECAST_WIDTH }, () => random.normal());
  const classes = outputIndex('direction_15m_up');
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < 12; k++) values[row * FORECAST_WIDTH + classes + k] = [0.5, 0.3, 0.2][(k + row) % 3] ?? 0;
  }
  return {
    times: Float64Array.from({ length: rows }, (_, row) => day(from) + Math.floor(row / SYMBOLS.length) * BAR_MS),
    symbolIndex: Int32Array.from({ length: rows }, (_, row) => row % SYMBOLS.length),
    values,
    raw: Float32Array.from({ length: rows * RANKING_HEADS }, () => random.normal()),
  };
}

const judge = (...forecasts: MadeForecasts[]) =>
  judgeForecasts({
    parts: forecasts.map((made): JudgedPart => ({ manifest, forecasts: made })),
    bars,
    references: REFERENCES,
    workers: 1,
    random: createRandom('judged'),
    resamples: 50,
  });

const [before, after] = [noise(3, 4), noise(7, 5)];
const whole: MadeForecasts = {
  times: joinColumn([before, after], ({ times }) => times, Float64Array),
  symbolIndex: joinColumn([before, after], ({ symbolIndex }) => symbolIndex, Int32Array),
  values: joinColumn([before, after], ({ values }) => values, Float32Array),
  raw: joinColumn([before, after], ({ raw }) => raw, Float32Array),
};

describe('forecasts of several models, one after the other', () => {
  it('are judged as those of one', async () => {
    const [parts, one] = [await judge(before, after), await judge(whole)];
    expect(parts?.rows).toBe(9 * BARS_PER_DAY * SYMBOLS.length);
    expect(parts?.mean).toEqual(one?.mean);
    expect(parts?.horizons).toEqual(one?.horizons);
    expect(parts?.rank24h.informationCoefficient).toEqual(one?.rank24h.informationCoefficient);
    expect(parts?.baselines.volatilityOnly).toBeNull();
  });

  it('rank by what is known: a head of which one model says nothing is judged on the days of the other', async () => {
    const silent = { ...before, raw: new Float32Array(before.raw.length).fill(Number.NaN) };
    const [parts, alone] = [await judge(silent, after), await judge(after)];
    const coefficient = parts?.rank24h.rawInformationCoefficient.value;
    expect(coefficient).toBeTypeOf('number');
    expect(coefficient).toBeCloseTo(alone?.rank24h.rawInformationCoefficient.value ?? 1, 12);
  });

  it('are none where no outcome is known', async () => {
    expect(await judge(noise(24, 1))).toBeUndefined();
  });
});
