export { AUDITED_DAYS, auditBacktest } from './audit-backtest.ts';
