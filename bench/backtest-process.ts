import { replay } from '../src/backtest/replay.ts';
import { barsFrom, closeAt, QUARTER_MS, requestOf, START, testConfig, walk } from '../src/backtest/replay-fixture.ts';
import { epochMs, type SymbolId } from '../src/core/index.ts';
import { timeSeriesMomentum } from '../src/strategies/index.ts';
import { DEFAULT_PROTECTION_SETTINGS } from '../src/trading/index.ts';
import type { EndToEndRun, EndToEndSize } from './backtest-end-to-end.ts';

/*
 * One whole backtest of a generated market, in a process of its own so that its memory is its own; started by bench/backtest.ts, which it
 * tells how long it took.
 */
const BARS_PER_DAY = 96;
/** Compiles what is measured. */
const WARM_UP: EndToEndSize = { symbols: 10, days: 20 };

process.once('message', (size: EndToEndSize) => void measure(size));

async function measure(size: EndToEndSize): Promise<void> {
  await replay(requestFor(WARM_UP));
  const request = requestFor(size);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const { bars, fills, equity } = await replay(request);
  const seconds = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  const run: EndToEndRun = {
    ...size,
    symbolBars: bars * size.symbols,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1_024),
    fills: fills.length,
    finalEquity: equity.equity.at(-1) ?? Number.NaN,
  };
  process.send?.(run);
  process.disconnect();
}

/** 15-minute bars from a day before the start on, traded by momentum over a day, decided every hour; nothing is forecast. */
function requestFor({ symbols, days }: EndToEndSize) {
  const first = epochMs(START - (BARS_PER_DAY - 1) * QUARTER_MS);
  const bars = new Map(
    Array.from({ length: symbols }, (_, index) => {
      const symbol: SymbolId = `COIN${index}USDT`;
      return [symbol, barsFrom(walk(symbol, (days + 1) * BARS_PER_DAY), first)] as const;
    }),
  );
  const request = requestOf(bars, {
    count: days * BARS_PER_DAY,
    config: testConfig(),
    to: closeAt(days * BARS_PER_DAY),
  });
  const { decide } = request.settings;
  const momentum = timeSeriesMomentum({
    name: 'momentum',
    decideEvery: '1h',
    holdFor: '1d',
    cooldownMinutes: 60,
    protection: DEFAULT_PROTECTION_SETTINGS,
    lookBackMinutes: 24 * 60,
    allowShort: true,
  });
  // A random walk has no edge: the breakers would end the trading that is measured.
  const risk = { ...decide.risk, maxDailyLoss: 1, maxDrawdown: 1, maxLosingStreak: null };
  return {
    ...request,
    evidence: null,
    settings: { ...request.settings, decide: { ...decide, risk, strategies: [momentum] } },
  };
}
