import { z } from 'zod';

const time = z
  .union([
    z.number().int().nonnegative(),
    z
      .string()
      .refine((text) => Number.isFinite(Date.parse(text)), 'not an ISO 8601 time')
      .transform((text) => Date.parse(text)),
  ])
  .describe('Market time, epoch milliseconds or ISO 8601.');

const common = {
  symbols: z.array(z.string().min(1).max(40)).min(1).max(2_000).optional(),
  from: time.optional(),
  to: time.optional(),
  minutes: z.number().positive().max(1_000_000).optional(),
  count: z.number().int().positive().max(1_000_000).optional(),
  probability: z.number().gt(0).max(1).default(1),
  seed: z.number().int().default(1),
};

const path = z.string().min(1).max(100).optional();
const shiftMs = z.number().int().min(-86_400_000).max(86_400_000);

/** A fault as it is asked for. Times without a default run from now until the fault is deleted. */
export const faultSpecSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('latency'), ms: z.number().int().min(0).max(600_000), path, ...common }),
    z.strictObject({
      kind: z.literal('http-429'),
      retryAfterSeconds: z.number().int().min(0).default(1),
      path,
      ...common,
    }),
    z.strictObject({
      kind: z.literal('http-418'),
      retryAfterSeconds: z.number().int().min(0).default(120),
      path,
      ...common,
    }),
    z.strictObject({
      kind: z.literal('http-5xx'),
      status: z.number().int().min(500).max(599).default(503),
      path,
      ...common,
    }),
    z.strictObject({ kind: z.literal('timeout'), path, ...common }),
    z.strictObject({ kind: z.literal('drop-sockets'), refuse: z.boolean().default(false), ...common }),
    z.strictObject({ kind: z.literal('silent-sockets'), ...common }),
    z.strictObject({ kind: z.literal('gap'), ...common }),
    z.strictObject({
      kind: z.literal('missing'),
      appearsAfterMinutes: z.number().positive().max(1_000_000).default(5),
      ...common,
    }),
    z.strictObject({ kind: z.literal('empty'), form: z.enum(['flat', 'none']).default('flat'), ...common }),
    z.strictObject({ kind: z.literal('duplicates'), copies: z.number().int().min(2).max(100).default(2), ...common }),
    z.strictObject({ kind: z.literal('out-of-order'), ...common }),
    z.strictObject({
      kind: z.literal('late'),
      delayMs: z.number().int().positive().max(86_400_000).default(5_000),
      ...common,
    }),
    z.strictObject({
      kind: z.literal('corrected'),
      afterMinutes: z.number().positive().max(1_000_000).default(2),
      basisPoints: z.number().min(-5_000).max(5_000).default(10),
      ...common,
    }),
    z.strictObject({ kind: z.literal('clock-skew'), ms: shiftMs, ...common }),
    z.strictObject({ kind: z.literal('lost-response'), path, ...common }),
    z.strictObject({
      kind: z.literal('reject-orders'),
      code: z.number().int().max(-1).default(-2010),
      message: z.string().min(1).max(200).default('NEW_ORDER_REJECTED'),
      path,
      ...common,
    }),
    z.strictObject({ kind: z.literal('maintenance'), path, ...common }),
    z.strictObject({
      kind: z.literal('duplicate-events'),
      copies: z.number().int().min(2).max(100).default(2),
      ...common,
    }),
    z.strictObject({ kind: z.literal('out-of-order-events'), ...common }),
    z.strictObject({ kind: z.literal('stream-gap'), ...common }),
    z.strictObject({
      kind: z.literal('partial-fills'),
      slices: z.number().int().min(2).max(100).default(3),
      ...common,
    }),
    z.strictObject({
      kind: z.literal('delist'),
      goneAfterMinutes: z.number().min(0).max(1_000_000).default(60),
      ...common,
    }),
  ])
  .superRefine((spec, context) => {
    const ends = [spec.to, spec.minutes, spec.count].filter((value) => value !== undefined).length;
    if (ends > 1) context.addIssue({ code: 'custom', message: 'give one of to, minutes and count', path: ['to'] });
    if (spec.from !== undefined && spec.to !== undefined && spec.to <= spec.from) {
      context.addIssue({ code: 'custom', message: 'to lies before from', path: ['to'] });
    }
  });

export type FaultSpec = z.infer<typeof faultSpecSchema>;
/** What a caller writes: defaults may be left out, times may be ISO text. */
export type FaultRequest = z.input<typeof faultSpecSchema>;
export type FaultKind = FaultSpec['kind'];

/** Kinds that change which bars the venue shows, on REST too. */
export const BAR_FAULTS: ReadonlySet<FaultKind> = new Set(['missing', 'empty', 'corrected', 'delist']);
/** Kinds that answer or delay REST requests. */
export const REQUEST_FAULTS: ReadonlySet<FaultKind> = new Set([
  'latency',
  'http-429',
  'http-418',
  'http-5xx',
  'timeout',
  'lost-response',
  'reject-orders',
  'maintenance',
]);
/** Kinds that change how an account's own events are delivered. */
export const USER_EVENT_FAULTS: ReadonlySet<FaultKind> = new Set([
  'duplicate-events',
  'out-of-order-events',
  'stream-gap',
]);
