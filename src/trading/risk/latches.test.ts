import { describe, expect, it } from 'vitest';
import {
  type BookCommand,
  type BookCommandKind,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Fill,
  MINUTE_MS,
} from '../../core/index.ts';
import { parseCash } from '../../matching/index.ts';
import { capitalOf } from '../capital.ts';
import { DEFAULT_RAMP_SETTINGS, DEFAULT_RISK_SETTINGS, type RiskSettings } from '../settings.ts';
import {
  applyCommands,
  initialRiskState,
  isUnarmed,
  type RiskFacts,
  type RiskState,
  riskModeOf,
  updateRisk,
} from './latches.ts';

const T = epochMs(Date.UTC(2025, 5, 19, 12));
const at = (minutes: number): EpochMs => epochMs(T + minutes * MINUTE_MS);

/** A risk state as minutes pass. */
function following(changes: Partial<RiskSettings> = {}) {
  const settings = { ...DEFAULT_RISK_SETTINGS, ...changes };
  let risk: RiskState = initialRiskState(parseCash('10000'));
  return {
    get risk() {
      return risk;
    },
    pass(minute: EpochMs, equity: string, facts: Partial<RiskFacts> = {}) {
      const change = updateRisk(
        risk,
        {
          minute,
          equity: parseCash(equity),
          transfers: 0n,
          fills: [],
          isOpen: () => false,
          isDataSufficient: true,
          ...facts,
        },
        settings,
      );
      risk = change.risk;
      return change.events.map((event) => ('reason' in event ? `${event.action} ${event.reason}` : event.action));
    },
    command(command: Exclude<BookCommandKind, 'arm'>, minute: EpochMs, equity: string) {
      return this.tell({ id: 1, command, actor: 'cli:test' }, minute, equity);
    },
    arm(cap: string, expiresAt: EpochMs, minute: EpochMs, equity = '10000') {
      return this.tell({ id: 1, command: 'arm', terms: { cap, expiresAt }, actor: 'cli:test' }, minute, equity);
    },
    tell(command: BookCommand, minute: EpochMs, equity: string) {
      const change = applyCommands(
        risk,
        [command],
        { at: minute, equity: parseCash(equity), transfers: risk.transfers ?? 0n },
        settings,
      );
      risk = change.risk;
      return change.applied[0]?.outcome;
    },
    get reasons() {
      return risk.latches.map(({ reason }) => reason);
    },
  };
}

describe('a model that degrades', () => {
  const DAY = 24 * 60;
  const evidence = (isDegraded: boolean, since: number) => ({ model: { isDegraded, from: at(since) } });

  it('stops entries while its outcomes speak against it, and not while nothing is known', () => {
    const book = following();
    expect(book.pass(at(0), '10000')).toEqual([]);
    expect(book.pass(at(1), '10000', evidence(true, -30 * DAY))).toEqual(['risk.latch RISK_MODEL_DEGRADED']);
    expect(riskModeOf(book.risk)).toBe('REDUCING');
    // A restart knows nothing until the next full hour.
    expect(book.pass(at(2), '10000')).toEqual([]);
    expect(book.pass(at(3), '10000', evidence(true, -30 * DAY))).toEqual([]);
    expect(book.pass(at(60), '10000', evidence(false, -30 * DAY))).toEqual(['risk.lift RISK_MODEL_DEGRADED']);
  });

  it('is given as many days anew when trading is resumed', () => {
    const book = following();
    book.pass(at(0), '10000', evidence(true, -30 * DAY));
    expect(book.command('resume', at(1), '10000')).toBe('ACTIVE');
    expect(book.pass(at(2), '10000', evidence(true, -30 * DAY))).toEqual([]);
    expect(book.pass(at(3 + 20 * DAY), '10000', evidence(true, -10 * DAY))).toEqual([]);
    expect(book.pass(at(3 + 31 * DAY), '10000', evidence(true, 1 + DAY))).toEqual(['risk.latch RISK_MODEL_DEGRADED']);
  });
});

const fillOf = (symbol: string, realizedPnl: string, fee = '1'): Fill => ({
  fillId: symbol,
  clientOrderId: symbol,
  book: 'main',
  strategy: 'ml',
  symbol,
  side: 'sell',
  quantity: '1',
  price: '100',
  fee,
  realizedPnl,
  time: T,
});

describe('the breaker of the daily loss', () => {
  it('latches at the limit until the next UTC day, also when the loss is won back', () => {
    const book = following();
    book.pass(at(0), '10000');
    expect(book.pass(at(1), '9701')).toEqual([]);
    expect(book.pass(at(2), '9700')).toEqual(['risk.latch RISK_DAILY_LOSS']);
    expect(book.pass(at(3), '10500')).toEqual([]);
    expect(riskModeOf(book.risk)).toBe('REDUCING');
    const midnight = epochMs(Math.ceil(T / DAY_MS) * DAY_MS);
    expect(book.pass(midnight, '9600')).toEqual(['risk.lift RISK_DAILY_LOSS']);
    expect(book.risk).toMatchObject({ latches: [], dayStartEquity: parseCash('9600') });
  });

  it('is not lifted by resume', () => {
    const book = following();
    book.pass(at(0), '9000');
    expect(book.command('resume', at(1), '9000')).toBe('REDUCING');
    expect(book.reasons).toEqual(['RISK_DAILY_LOSS']);
  });
});

describe('the breaker of the drawdown', () => {
  const patient = { maxDailyLoss: 1 };

  it('halts at the fall from the peak, over days, and measures from where trading is resumed', () => {
    const book = following(patient);
    book.pass(at(0), '12000');
    expect(book.pass(at(3 * 1440), '9601')).toEqual([]);
    expect(book.pass(at(4 * 1440), '9600')).toEqual(['risk.latch RISK_DRAWDOWN']);
    expect(riskModeOf(book.risk)).toBe('HALTED');
    book.pass(at(90 * 1440), '13000');
    expect(book.reasons).toEqual(['RISK_DRAWDOWN']);
    expect(book.command('resume', at(91 * 1440), '9600')).toBe('ACTIVE');
    expect(book.pass(at(91 * 1440 + 1), '9000')).toEqual([]);
    expect(book.pass(at(91 * 1440 + 2), '7680')).toEqual(['risk.latch RISK_DRAWDOWN']);
  });
});

describe('deposits and withdrawals', () => {
  const moved = (amount: string) => ({ transfers: parseCash(amount) });

  it('are no profit and no loss: neither what the wallet holds at the start nor what leaves or comes trips or hides anything', () => {
    const book = following({ maxDailyLoss: 0.05, maxDrawdown: 0.1, isArmingRequired: false });
    expect(book.pass(at(0), '500', moved('-9500'))).toEqual([]);
    expect(book.pass(at(1), '300', moved('-9700'))).toEqual([]);
    // A loss of 20 of 300, beside a deposit of 1000.
    expect(book.pass(at(2), '1280', moved('-8700'))).toEqual([]);
    expect(book.pass(at(3), '1230', moved('-8700'))).toEqual(['risk.latch RISK_DAILY_LOSS']);
    expect(book.pass(at(4), '1160', moved('-8700'))).toEqual(['risk.latch RISK_DRAWDOWN']);
    book.command('resume', at(4), '1160');
    expect(book.pass(at(5), '160', moved('-9700'))).toEqual([]);
    expect(book.risk.peakEquity).toBe(parseCash('160'));
  });
});

describe('the breaker of the losing streak', () => {
  it('latches after so many trades in a row that lost after fees, for its pause, and counts anew', () => {
    const book = following({ maxLosingStreak: 3, losingPauseMinutes: 60 });
    const lose = (minute: number) => book.pass(at(minute), '10000', { fills: [fillOf('A', '0.5')] });
    lose(0);
    lose(1);
    book.pass(at(2), '10000', { fills: [fillOf('A', '1.5')] });
    expect(book.risk.losingStreak).toBe(0);
    lose(3);
    lose(4);
    expect(lose(5)).toEqual(['risk.latch RISK_LOSING_STREAK']);
    expect(book.pass(at(64), '10000')).toEqual([]);
    expect(book.pass(at(65), '10000')).toEqual(['risk.lift RISK_LOSING_STREAK']);
    expect([lose(66), lose(67)]).toEqual([[], []]);
    expect(lose(68)).toEqual(['risk.latch RISK_LOSING_STREAK']);
  });

  it('counts a trade once it is closed, with all its fills and fees', () => {
    const book = following({ maxLosingStreak: 1, losingPauseMinutes: null });
    const isOpen = () => true;
    book.pass(at(0), '10000', { fills: [fillOf('A', '0')], isOpen });
    book.pass(at(1), '10000', { fills: [fillOf('A', '5')], isOpen });
    expect(book.pass(at(2), '10000', { fills: [fillOf('A', '-3')] })).toEqual(['risk.latch RISK_LOSING_STREAK']);
    expect(book.risk.openResults.size).toBe(0);
    book.pass(at(30 * 1440), '10000');
    expect(book.reasons).toEqual(['RISK_LOSING_STREAK']);
    expect(book.command('resume', at(30 * 1440), '10000')).toBe('ACTIVE');
  });

  it('can be left out', () => {
    const book = following({ maxLosingStreak: null });
    for (let i = 0; i < 50; i++) book.pass(at(i), '10000', { fills: [fillOf('A', '-1')] });
    expect(book.reasons).toEqual([]);
  });
});

describe('the breaker of stale data', () => {
  it('latches after so many insufficient minutes, and lifts after as many sufficient ones', () => {
    const book = following({ maxStaleMinutes: 3 });
    const stale = { isDataSufficient: false };
    expect([book.pass(at(0), '10000', stale), book.pass(at(1), '10000', stale)]).toEqual([[], []]);
    expect(book.pass(at(2), '10000', stale)).toEqual(['risk.latch RISK_STALE_DATA']);
    expect([book.pass(at(3), '10000'), book.pass(at(4), '10000')]).toEqual([[], []]);
    expect(book.pass(at(5), '10000')).toEqual(['risk.lift RISK_STALE_DATA']);
  });
});

describe('commands', () => {
  it('restrict by the strictest of what is latched, and a repeated one changes nothing', () => {
    const book = following();
    expect(book.command('reduce', at(0), '10000')).toBe('REDUCING');
    expect(book.command('halt', at(1), '10000')).toBe('HALTED');
    const before = book.risk;
    expect(book.command('halt', at(2), '10000')).toBe('HALTED');
    expect(book.risk).toBe(before);
    expect(book.command('close-all', at(3), '10000')).toBe('HALTED');
    expect(book.command('resume', at(4), '10000')).toBe('ACTIVE');
    expect(book.reasons).toEqual([]);
  });
});

describe('arming', () => {
  const live = { isArmingRequired: true };

  it('is what a book at an exchange needs for more than reducing, and no command but it lifts that', () => {
    const book = following(live);
    expect(book.pass(at(0), '10000')).toEqual(['risk.latch RISK_NOT_ARMED']);
    expect(book.pass(at(1), '10000')).toEqual([]);
    expect(book.command('resume', at(1), '10000')).toBe('REDUCING');
    expect(isUnarmed(book.risk)).toBe(true);
    expect(book.arm('500', at(60), at(2))).toBe('ACTIVE');
    expect(book.risk.arming).toEqual({ cap: parseCash('500'), since: at(2), expiresAt: at(60), actor: 'cli:test' });
    book.arm('500', at(60 * 24 * 400), at(2));
    expect(book.risk.arming?.expiresAt).toBe(at(2 + 60 * 24 * 31));
    expect(book.command('disarm', at(3), '10000')).toBe('REDUCING');
    expect(book.reasons).toEqual(['RISK_NOT_ARMED']);
  });

  it('ends by itself, into reducing, and a new one takes its place', () => {
    const book = following(live);
    book.pass(at(0), '10000');
    book.arm('500', at(60), at(0));
    expect(book.pass(at(59), '10000')).toEqual([]);
    expect(book.pass(at(60), '10000')).toEqual(['risk.latch RISK_ARMING_EXPIRED']);
    expect(riskModeOf(book.risk)).toBe('REDUCING');
    // One that is over by the time it takes effect arms nothing.
    expect(book.arm('500', at(61), at(62))).toBe('REDUCING');
    expect(book.arm('600', at(90), at(63))).toBe('ACTIVE');
    expect(book.pass(at(64), '10000')).toEqual([]);
  });

  it('leaves other latches as they are', () => {
    const book = following(live);
    book.command('halt', at(0), '10000');
    expect(book.arm('500', at(60), at(0))).toBe('HALTED');
    expect(book.command('resume', at(1), '10000')).toBe('ACTIVE');
  });

  it('is asked of no paper book, which forgets the latch of a time before', () => {
    const book = following();
    expect(book.pass(at(0), '10000')).toEqual([]);
    expect(book.command('disarm', at(0), '10000')).toBe('ACTIVE');
    const [latched] = [following(live)];
    latched.pass(at(0), '10000');
    const change = updateRisk(
      latched.risk,
      {
        minute: at(1),
        equity: parseCash('10000'),
        transfers: 0n,
        fills: [],
        isOpen: () => false,
        isDataSufficient: true,
      },
      DEFAULT_RISK_SETTINGS,
    );
    expect(change.risk.latches).toEqual([]);
  });

  it('makes breakers shares of the cap where the wallet is larger', () => {
    const book = following(live);
    book.pass(at(0), '10000');
    book.arm('1000', at(600), at(0));
    expect(book.pass(at(1), '9970')).toEqual(['risk.latch RISK_DAILY_LOSS']);
    expect(book.pass(at(2), '9800')).toEqual(['risk.latch RISK_DRAWDOWN']);
  });

  it('bounds what a book trades with', () => {
    const settings = { ...DEFAULT_RISK_SETTINGS, ...live };
    const equity = parseCash('10000');
    const book = following(live);
    book.pass(at(0), '10000');
    expect(capitalOf(book.risk, equity, settings).grossCap).toBe(0n);
    book.arm('500', at(60), at(0));
    expect(capitalOf(book.risk, equity, settings)).toEqual({ equity: parseCash('500'), grossCap: parseCash('500') });
    expect(capitalOf(book.risk, parseCash('300'), settings).equity).toBe(parseCash('300'));
    book.pass(at(60), '10000');
    expect(capitalOf(book.risk, equity, settings).grossCap).toBe(0n);
    expect(capitalOf(book.risk, equity, DEFAULT_RISK_SETTINGS)).toEqual({ equity, grossCap: undefined });
  });
});

describe('the capital ramp of a book', () => {
  const ramp = { ...DEFAULT_RAMP_SETTINGS, minDays: 2, minTrades: 2 };
  const trade = (minute: EpochMs, pnl: string) => [minute, '10000', { fills: [fillOf('A', pnl)] }] as const;

  it('follows closed trades, with events, and a larger cap leads back', () => {
    const book = following({ isArmingRequired: true, ramp });
    book.pass(at(0), '10000');
    book.arm('1000', at(9 * 1440), at(0));
    book.pass(...trade(at(1), '3'));
    book.pass(...trade(at(1441), '4'));
    expect(book.pass(at(2 * 1440), '10000')).toEqual(['risk.ramp']);
    expect(book.risk.ramp).toMatchObject({ stage: 1, cap: parseCash('1000') });
    const settings = { ...DEFAULT_RISK_SETTINGS, isArmingRequired: true, ramp };
    expect(capitalOf(book.risk, parseCash('10000'), settings).grossCap).toBe(parseCash('250'));
    book.arm('5000', at(9 * 1440), at(2 * 1440));
    expect(book.risk.ramp).toMatchObject({ stage: 0, cap: parseCash('5000') });
    // 10 % of the stage's 500.
    expect(book.pass(...trade(at(2 * 1440 + 1), '-49'))).toEqual(['risk.ramp']);
  });

  it('is of the equity on paper, where it is asked for', () => {
    const settings = { ...DEFAULT_RISK_SETTINGS, ramp };
    const book = following({ ramp });
    book.pass(at(0), '10000');
    expect(capitalOf(book.risk, parseCash('10000'), settings).grossCap).toBe(parseCash('1000'));
    expect(book.pass(...trade(at(1), '-99'))).toEqual(['risk.ramp']);
  });
});
