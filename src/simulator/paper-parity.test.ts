import { expect, it } from 'vitest';
import { createRandom, type EpochMs, epochMs, type FinalCandle, MINUTE_MS, type OrderIntent } from '../core/index.ts';
import { DEFAULT_COST_SETTINGS } from '../matching/index.ts';
import { PaperBroker } from '../trading/index.ts';
import { startAccountBench } from './account-fixture.ts';
import { barAt } from './bar.ts';
import { fixtureMarket } from './market-fixture.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'];
const MINUTES = 25;

it('market orders fill at the simulated venue as they do with the paper broker, to the last unit', async () => {
  const market = fixtureMarket({});
  const bench = await startAccountBench({ market });
  try {
    const random = createRandom('parity');
    const instruments = new Map(market.instruments.map((instrument) => [instrument.symbol, instrument]));
    const broker = new PaperBroker({
      instrumentOf: (symbol) => instruments.get(symbol),
      costs: DEFAULT_COST_SETTINGS,
    });
    const paper: string[] = [];
    const clientIds = new Map<number, string>();
    for (let i = 0; i < MINUTES; i++) {
      const minute = epochMs(bench.simulator.status().minute);
      const intents =
        i < 8 ? SYMBOLS.filter(() => random.uniform() < 0.7).map((symbol) => intentOf(symbol, minute)) : [];
      await broker.submit(intents);
      for (const { symbol, side, quantity, clientOrderId } of intents) {
        const fields = { symbol, side: side.toUpperCase(), type: 'MARKET', quantity, newClientOrderId: clientOrderId };
        const { body } = await bench.signed('POST', '/fapi/v1/order', fields);
        clientIds.set(Number(body.orderId), clientOrderId);
      }
      await bench.advance();
      const next = epochMs(minute + MINUTE_MS);
      for (const event of await broker.events(next, candlesOf(minute))) {
        if (event.kind === 'fill') paper.push(words(event.clientOrderId, event.quantity, event.price, event.fee));
      }
    }
    const venue: string[] = [];
    for (const symbol of SYMBOLS) {
      const { body } = await bench.signed('GET', '/fapi/v1/userTrades', { symbol });
      for (const { orderId, qty, price, commission } of body as unknown as Record<string, string>[]) {
        venue.push(words(clientIds.get(Number(orderId)), qty, price, commission));
      }
    }
    expect(paper.length).toBeGreaterThan(20);
    expect(venue.sort()).toEqual(paper.sort());

    function intentOf(symbol: string, decidedAt: EpochMs): OrderIntent {
      return {
        clientOrderId: `${symbol}-${decidedAt}`,
        book: 'test',
        strategy: 'test',
        symbol,
        side: random.uniform() < 0.5 ? 'buy' : 'sell',
        purpose: 'entry',
        type: 'market',
        quantity: (0.1 + 12 * random.uniform()).toFixed(3),
        reduceOnly: false,
        decidedAt,
        validUntil: epochMs(decidedAt + 15 * MINUTE_MS),
        referencePrice: '100',
      };
    }
    function candlesOf(openTime: EpochMs): Map<string, FinalCandle> {
      return new Map(
        SYMBOLS.map((symbol) => {
          const bar = barAt(market.bars(symbol, '1m', openTime, openTime + MINUTE_MS), 0);
          const { open, high, low, close, volume } = bar;
          const kind = { state: 'final', finality: 'archive', timeframe: '1m' } as const;
          return [symbol, { ...kind, symbol, openTime, open, high, low, close, volume }];
        }),
      );
    }
  } finally {
    await bench.close();
  }
});

const words = (id: string | undefined, ...amounts: (string | undefined)[]): string => [id, ...amounts].join(' ');
