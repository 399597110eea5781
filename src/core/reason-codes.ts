/**
 * Every reason for which the system refuses, leaves out or stops something. `CATEGORY_CONDITION`; the table in
 * `docs/reason-codes.md` is generated from this list.
 */
export const REASON_CODES = {
  CANDLE_MISSING: 'The symbol has no final candle for the minute; it is left out of the panel until repaired.',
  CANDLE_CORRECTED:
    'The venue later reported other values for a closed candle; the first stays in use, the correction is recorded.',
  CANDLE_EMPTY: 'The venue confirmed a minute without a trade; a flat candle of zero volume stands in.',
  HISTORY_INCOMPLETE: 'An earlier minute of the symbol is unknown; no new entries until it is repaired.',
  INSTRUMENT_NOT_TRADING: 'The venue does not list the instrument as trading.',
  INSTRUMENT_DELISTED: 'The instrument ended; its position is closed at the last price.',
  PANEL_BELOW_COVERAGE: 'Fewer symbols than the configured share of the universe have a final candle; no new entries.',
  PANEL_REFERENCE_MISSING: 'A reference symbol (BTC, ETH) has no final candle; no new entries.',
  FEATURES_NOT_WARM: 'Too many features of the symbol are still masked; no new entries.',
  FEATURES_NOT_FINITE: 'A feature outside the mask is not a finite number; the symbol is left out.',
  MODEL_NOT_READY: 'No model serves yet.',
  MODEL_DISABLED: 'ml_integration.enabled is false.',
  MODEL_REFUSED: 'The model artefact does not match what is served (feature set, scaler, universe or weights).',
  MODEL_CONTEXT_INCOMPLETE:
    'The model reads 24 h of bars and the symbol has fewer, or more than three of them are missing; no forecast.',
  MODEL_CHALLENGER_BEHIND:
    'The machine was behind, or the minute was caught up: the challenger made no forecasts of it. Nothing is traded on those.',
  MODEL_CHALLENGER_FAILED:
    'The forecasts of the challenger could not be made or stored; the champion, signals and orders are as without it.',
  MODEL_OUTPUT_INVALID: 'The model returned a value that is not finite.',
  CYCLE_PAST_DEADLINE: 'The minute was decided after its deadline; forecasts are caught up, no orders.',
  CYCLE_NOT_RUN: 'The engine was not running when the minute closed; forecasts are caught up, no orders.',
  CYCLE_OFF_INTERVAL: 'The minute is not a multiple of scheduler.interval_seconds; no forecasts are due.',
  SIGNAL_CONFIDENCE_LOW: 'The confidence is below signals.confidence_threshold.',
  SIGNAL_EDGE_BELOW_COSTS: 'The expected return does not cover fees, spread and impact.',
  SIGNAL_DIRECTION_DISAGREES: 'The direction probabilities point the other way.',
  SIGNAL_RANK_DISAGREES: 'The cross-sectional rank points the other way.',
  SIGNAL_LIMIT_PER_SYMBOL: 'The symbol already has signals.max_signals_per_symbol signals in this decision.',
  SIGNAL_EXPIRED: 'The signal is older than its validity.',
  STRATEGY_NOT_DUE: 'The strategy decides at its own cadence; this minute is between decisions.',
  STRATEGY_COOLDOWN: 'The symbol was traded too recently.',
  STRATEGY_POSITION_HELD: 'The strategy already holds the symbol on this side.',
  STRATEGY_INTENT_PENDING: 'An entry of the strategy in this symbol is still open.',
  STRATEGY_HOLDING_ENDED: 'The position reached its holding time.',
  STRATEGY_SIGNAL_REVERSED: 'The forecast turned against the position.',
  STRATEGY_REMOVED: 'The strategy that opened the position is no longer configured; the position is closed.',
  STRATEGY_SHORT_NOT_ALLOWED: 'The strategy is set to go long only.',
  SIZE_BELOW_MINIMUM: 'The sized order is below the minimum quantity or notional of the instrument.',
  SIZE_REDUCED_LIQUIDITY: 'The order was cut to the share of volume allowed.',
  SIZE_REDUCED_POSITION_LIMIT: 'The order was cut to the limit per position.',
  SIZE_REDUCED_EXPOSURE: 'The order was cut to the remaining gross exposure.',
  RISK_MAX_POSITIONS: 'The number of open positions is at its limit.',
  RISK_MAX_EXPOSURE: 'Gross exposure is at its limit.',
  RISK_DAILY_LOSS: 'The loss of the day reached its limit; no new entries until the next UTC day.',
  RISK_HALTED: 'Trading is halted; only cancelling and closing pass.',
  RISK_STALE_PRICE: 'The last price of the symbol is too old to trade on.',
  RISK_DRAWDOWN:
    'The drawdown of the book reached the limit of the strategy; its positions are closed, no new entries until lifted.',
  PROTECTION_STOP_TOO_NEAR: 'The stop would lie on the wrong side of the price or within a few ticks of it; no entry.',
  PROTECTION_REWARD_LOW: 'The target is too near for the distance of the stop; no entry.',
  PROTECTION_ADOPTED: 'A position without protection was found; it gets the catastrophe stop.',
  PROTECTION_UNCONFIRMED:
    'No stop of the position was confirmed in the minute after its fill; closed or halted by policy.',
  ORDER_EXPIRED: 'The intent was not sent within its validity; it is never sent late.',
  ORDER_NO_LIQUIDITY: 'No volume traded in which the order could fill within its validity.',
  ORDER_POSITION_CLOSED: 'The reduce-only order found nothing left to reduce; it ends.',
  ORDER_TYPE_UNSUPPORTED: 'The broker does not work orders of this type.',
  ORDER_EVENT_UNKNOWN: 'The broker reported something of an order this book does not know; it is not booked.',
  FEED_SILENT: 'The stream delivered nothing for too long; it is reopened, and REST fills in.',
  FEED_DISCONNECTED: 'The stream was lost; it is reopened, and REST fills in.',
  SOURCE_RATE_LIMITED: 'The venue asked to slow down.',
  SOURCE_UNAVAILABLE: 'The venue answered with an error or not at all.',
  CLOCK_SKEWED: 'The local clock and the venue disagree by more than is safe; no new entries.',
  LEASE_LOST: 'Another process owns the book; this one stops.',
} as const;

export type ReasonCode = keyof typeof REASON_CODES;

export const isReasonCode = (text: string): text is ReasonCode => Object.hasOwn(REASON_CODES, text);
