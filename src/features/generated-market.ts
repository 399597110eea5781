import { allocateBars, type BarColumns, createRandom, type SymbolId } from '../core/index.ts';

/**
 * A small market for self-tests: a common factor, volatility clusters, volume tied to movement, a few jumps and flat bars. It is part of
 * the identity of a feature set: changing it changes every hash. Closes are rounded to a tick, as an exchange's are.
 */
export function generateSelfTestMarket(
  symbols: readonly SymbolId[],
  options: { bars: number; barMs: number; start: number; seed: string },
): Map<SymbolId, BarColumns> {
  const random = createRandom(options.seed);
  const factor = random.fork('factor');
  const common = Float64Array.from({ length: options.bars }, () => factor.normal() * 0.002);
  return new Map(symbols.map((symbol, index) => [symbol, generateSeries(symbol, index, common, options)]));
}

function generateSeries(
  symbol: SymbolId,
  index: number,
  common: Float64Array,
  { bars: length, barMs, start, seed }: { bars: number; barMs: number; start: number; seed: string },
): BarColumns {
  const random = createRandom(`${seed}/${symbol}`);
  const bars = allocateBars(length);
  const tick = 2 ** -12;
  let close = 8 + 40 * index;
  let calm = 1;
  for (let i = 0; i < length; i++) {
    calm = 0.97 * calm + 0.03 * (0.3 + 2 * random.uniform());
    const jump = random.uniform() < 0.004 ? random.normal() * 0.02 : 0;
    const change = (0.6 + 0.2 * index) * (common[i] ?? 0) + random.normal() * 0.0025 * calm + jump;
    const open = close;
    const flat = random.uniform() < 0.002;
    close = flat ? open : Math.max(tick, Math.round((open * (1 + change)) / tick) * tick);
    const reach = () => (flat ? 0 : Math.round((Math.abs(random.normal()) * 0.001 * calm * open) / tick) * tick);
    bars.openTime[i] = start + i * barMs;
    bars.open[i] = open;
    bars.high[i] = Math.max(open, close) + reach();
    bars.low[i] = Math.max(tick, Math.min(open, close) - reach());
    bars.close[i] = close;
    bars.volume[i] = flat ? 0 : Math.round(1000 * (0.3 + random.uniform() + 200 * Math.abs(change)));
  }
  return bars;
}
