import { describe, expect, it } from 'vitest';
import { type BookCommandKind, DAY_MS, type EpochMs, epochMs, type Fill, MINUTE_MS } from '../../core/index.ts';
import { parseCash } from '../../matching/index.ts';
import { DEFAULT_RISK_SETTINGS, type RiskSettings } from '../settings.ts';
import { applyCommands, initialRiskState, type RiskFacts, type RiskState, riskModeOf, updateRisk } from './latches.ts';

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
          fills: [],
          isOpen: () => false,
          isDataSufficient: true,
          ...facts,
        },
        settings,
      );
      risk = change.risk;
      return change.events.map(({ action, reason }) => `${action} ${reason}`);
    },
    command(command: BookCommandKind, minute: EpochMs, equity: string) {
      const change = applyCommands(risk, [{ id: 1, command, actor: 'cli:test' }], {
        at: minute,
        equity: parseCash(equity),
      });
      risk = change.risk;
      return change.applied[0]?.outcome;
    },
    get reasons() {
      return risk.latches.map(({ reason }) => reason);
    },
  };
}

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
