import { z } from 'zod';
import { epochMs, type Instrument, type InstrumentStatus } from '../core/index.ts';

const filter = z.looseObject({
  filterType: z.string(),
  tickSize: z.string().optional(),
  stepSize: z.string().optional(),
  minQty: z.string().optional(),
  notional: z.string().optional(),
});

const symbolEntry = z.looseObject({
  symbol: z.string(),
  contractType: z.string().optional(),
  baseAsset: z.string(),
  quoteAsset: z.string(),
  status: z.string(),
  onboardDate: z.coerce.number().optional(),
  deliveryDate: z.coerce.number().optional(),
  filters: z.array(filter),
});

const exchangeInfo = z.looseObject({ symbols: z.array(z.unknown()) });

const rateLimits = z.looseObject({
  rateLimits: z.array(
    z.looseObject({
      rateLimitType: z.string(),
      interval: z.string(),
      intervalNum: z.coerce.number().positive(),
      limit: z.coerce.number().positive(),
    }),
  ),
});

const INTERVAL_SECONDS: Readonly<Record<string, number>> = { SECOND: 1, MINUTE: 60, HOUR: 3_600, DAY: 86_400 };

/** Perpetual contracts have a far future date in place of a delivery: 2100-12-25. */
const NO_DELIVERY_MS = 4_133_404_800_000;

/**
 * Perpetual USDT contracts of a Binance USD-M `exchangeInfo` answer, in its order, rules as the exact decimal strings of the raw
 * filters; undefined if the answer is none. An entry that lacks a rule is left out: nobody could trade it safely.
 */
export function instrumentsOf(venue: string, answer: unknown): Instrument[] | undefined {
  const parsed = exchangeInfo.safeParse(answer);
  if (!parsed.success) return undefined;
  return parsed.data.symbols.flatMap((raw) => {
    const entry = symbolEntry.safeParse(raw);
    if (!entry.success) return [];
    const { symbol, baseAsset, quoteAsset, contractType, status, filters, onboardDate, deliveryDate } = entry.data;
    if (contractType !== 'PERPETUAL' || quoteAsset !== 'USDT') return [];
    const rule = (type: string) => filters.find(({ filterType }) => filterType === type);
    const tickSize = rule('PRICE_FILTER')?.tickSize;
    const lot = rule('LOT_SIZE');
    if (tickSize === undefined || lot?.stepSize === undefined || lot.minQty === undefined) return [];
    const ended = deliveryDate !== undefined && deliveryDate > 0 && deliveryDate < NO_DELIVERY_MS;
    return [
      {
        venue,
        symbol,
        base: baseAsset,
        quote: quoteAsset,
        tickSize,
        stepSize: lot.stepSize,
        minQuantity: lot.minQty,
        minNotional: rule('MIN_NOTIONAL')?.notional ?? '0',
        status: statusOf(status),
        ...(onboardDate === undefined ? {} : { listedAt: epochMs(onboardDate) }),
        ...(ended ? { delistedAt: epochMs(deliveryDate) } : {}),
      },
    ];
  });
}

/** Request weight per second the venue declares in `exchangeInfo`; the tightest window counts. */
export function weightPerSecondOf(answer: unknown): number | undefined {
  const parsed = rateLimits.safeParse(answer);
  if (!parsed.success) return undefined;
  const rates = parsed.data.rateLimits.flatMap(({ rateLimitType, interval, intervalNum, limit }) => {
    const seconds = INTERVAL_SECONDS[interval];
    return rateLimitType === 'REQUEST_WEIGHT' && seconds !== undefined ? [limit / (seconds * intervalNum)] : [];
  });
  return rates.length === 0 ? undefined : Math.min(...rates);
}

function statusOf(status: string): InstrumentStatus {
  if (status === 'TRADING') return 'trading';
  return ['SETTLING', 'CLOSE', 'DELIVERING', 'DELIVERED', 'PRE_DELIVERING', 'PRE_SETTLE'].includes(status)
    ? 'delisted'
    : 'halted';
}
