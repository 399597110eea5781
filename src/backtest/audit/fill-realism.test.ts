import { beforeAll, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../core/index.ts';
import { runBacktest, withCosts } from '../run-backtest.ts';
import { type BookTrace, type TracedFill, traceBook } from './book-trace.ts';
import { judgeFills, type RealismInput } from './fill-realism.ts';
import { auditConfig, dayAt, forecastsFrom, generatedMarket } from './market.fixture.ts';

let input: RealismInput;
beforeAll(async () => {
  const market = generatedMarket(3);
  const request = { market, config: auditConfig(), from: dayAt(1), to: dayAt(2), workers: 1 };
  const backtest = await runBacktest(request);
  const { trace, take } = traceBook();
  const forecasts = await forecastsFrom(-4, -2)(market, backtest.window);
  const result = await backtest.again({ forecasts, onDecision: take });
  input = {
    trace,
    market,
    instruments: backtest.instruments,
    costs: withCosts(backtest.settings, 1).decide.costs,
    initialEquity: result.equity.equity[0] ?? 0,
    open: result.open,
  };
});

const purposeOf = ({ clientOrderId }: TracedFill) => input.trace.orders.get(clientOrderId)?.purpose;
const judge = (trace: Partial<BookTrace>, changes: Partial<RealismInput> = {}) =>
  judgeFills({ ...input, ...changes, trace: { ...input.trace, ...trace } });

/** Judges the trace with the first fill changed that is of a purpose. */
function tampered(purpose: string, change: (fill: TracedFill) => Partial<TracedFill>) {
  const { fills } = input.trace;
  const index = fills.findIndex((fill) => purposeOf(fill) === purpose);
  expect(index).toBeGreaterThanOrEqual(0);
  return judge({ fills: fills.map((fill, at) => (at === index ? { ...fill, ...change(fill) } : fill)) });
}

const times = (text: string, factor: number): string => String(Number(text) * factor);
/** A price moved so many times its costs in favour of the fill. */
const better = ({ side, price }: TracedFill, fraction: number): string =>
  times(price, side === 'buy' ? 1 - fraction : 1 + fraction);

describe('executions', () => {
  it('that could have happened are no fault', () => {
    expect(judge({})).toMatchObject({ ok: true, figures: { faults: 0 } });
    expect(input.trace.fills.length).toBeGreaterThan(20);
    expect(new Set(input.trace.fills.map(purposeOf))).toEqual(new Set(['entry', 'exit', 'stop', 'target']));
  });

  it.each([
    ['entry', 'better than'],
    ['exit', 'better than'],
    ['stop', 'better than'],
    ['target', 'better than'],
  ])('better than the reference are a fault: %s', (purpose, fault) => {
    const { ok, detail } = tampered(purpose, (fill) => ({ price: better(fill, 0.0005) }));
    expect([ok, detail]).toEqual([false, expect.stringContaining(fault)]);
  });

  it.each<[string, string, (fill: TracedFill) => Partial<TracedFill>]>([
    ['outside of their bar', 'outside of', (fill) => ({ price: better(fill, -0.2) })],
    ['in a bar that is not there', 'there is no bar', ({ time }) => ({ time: (time + MINUTE_MS) as typeof time })],
    ['before their decision', 'filled before it was decided', () => ({ time: dayAt(1) })],
    ['after their end', 'filled after its end', () => ({ time: dayAt(2.5) })],
    ['without a fee', 'a fee of 0 instead of', () => ({ fee: '0' })],
    ['of no order', 'an execution of no order', () => ({ clientOrderId: 'nobody' })],
    [
      'of more than the volume allows',
      'of the volume of its bar',
      ({ quantity }) => ({ quantity: times(quantity, 1e6) }),
    ],
    [
      'that nobody booked',
      'executions and flows make an equity of',
      ({ quantity }) => ({ quantity: times(quantity, 0.5) }),
    ],
  ])('%s are a fault', (_, fault, change) => {
    expect(tampered('entry', change)).toMatchObject({ ok: false, detail: expect.stringContaining(fault) });
  });

  it('in a bar without volume are a fault', () => {
    const bars = new Map(
      [...input.market.bars].map(([symbol, one]) => [symbol, { ...one, volume: one.volume.map(() => 0) }]),
    );
    expect(judge({}, { market: { bars } }).detail).toContain('nothing traded in its bar');
  });

  it('of a stop that its bar did not reach are a fault', () => {
    const orders = new Map(
      [...input.trace.orders].map(([id, order]) => [
        id,
        order.purpose === 'stop' ? { ...order, triggerPrice: order.side === 'buy' ? '1000000000' : '0.01' } : order,
      ]),
    );
    expect(judge({ orders }).detail).toContain('did not reach the trigger');
  });

  it('of an exit that turns a position are a fault', () => {
    expect(tampered('exit', ({ quantity }) => ({ quantity: times(quantity, 3) })).detail).toMatch(
      /exit: it makes .* of ml/,
    );
  });

  it('that do not make the positions that the book says it holds are a fault', () => {
    expect(judge({}, { open: [] }).ok).toBe(input.open.length === 0);
    const [symbol = ''] = input.market.bars.keys();
    const open = [
      {
        book: 'main',
        strategy: 'other',
        symbol,
        quantity: '1',
        averagePrice: '1',
        openedAt: dayAt(2),
        markPrice: '1',
        unrealizedPnl: '0',
      },
    ];
    expect(judge({}, { open }).detail).toMatch(/other \w+: executions make a position of 0, the book says 1/);
  });
});
