import { fileURLToPath } from 'node:url';
import type { BacktestMarket } from '../src/backtest/index.ts';
import { type Config, loadConfig } from '../src/config/index.ts';
import { type BarColumns, DAY_MS, epochMs, type SymbolId } from '../src/core/index.ts';
import { aggregateBars, createGeneratedMarket, type GeneratedMarket } from '../src/marketfiles/index.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
/** A book knows the volatilities and the past returns of a day when it begins. */
const WARM_UP_DAYS = 1;
const SETTLEMENTS_PER_DAY = 3;

/** Start of the first day that is traded. */
export const FIRST_DAY = epochMs(START + WARM_UP_DAYS * DAY_MS);

/** So many days of a generated market to trade, after a day to warm up, as 15-minute bars; nobody pays funding. */
export function generatedBacktest(options: {
  readonly seed: string;
  readonly symbols: number;
  readonly days: number;
  readonly edge: boolean;
}): { readonly market: BacktestMarket; readonly edge: GeneratedMarket['edge'] } {
  const { seed, symbols, days, edge } = options;
  const generated = createGeneratedMarket({ seed, symbols, start: START, edge });
  const end = epochMs(FIRST_DAY + days * DAY_MS);
  const bars = new Map<SymbolId, BarColumns>(
    generated.instruments.map(({ symbol }) => [symbol, aggregateBars(generated.bars(symbol, START, end), '1m', '15m')]),
  );
  const settlements = Array.from({ length: SETTLEMENTS_PER_DAY * (WARM_UP_DAYS + days) + 1 }, (_, index) =>
    epochMs(START + (index * DAY_MS) / SETTLEMENTS_PER_DAY),
  );
  return {
    market: {
      source: `generated, seed ${seed}`,
      bars,
      fundingOf: (symbol) => settlements.map((time) => ({ symbol, time, rate: 0 })),
    },
    edge: generated.edge,
  };
}

/** The shipped configuration with these keys set. */
export const shippedConfig = (changes: Readonly<Record<string, string>>): Config =>
  loadConfig({
    workingDirectory: fileURLToPath(new URL('..', import.meta.url)),
    env: {},
    flags: Object.entries(changes).map(([key, value]) => ({ key, value, flag: '--set' })),
  }).values;

export const WITHOUT_COSTS = {
  'costs.taker_fee_bps': '0',
  'costs.half_spread_bps': '0',
  'costs.impact_bps': '0',
} as const;
