export { decisionConfigText, parseDecisionConfig } from './decision-config.ts';
export { durationMs } from './duration.ts';
export {
  type Environment,
  type ExchangeKeys,
  exchangeKeySources,
  keysMissing,
  readExchangeKeys,
  requireExchangeKeys,
} from './exchange-keys.ts';
export { configJsonSchema, renderKeyTable } from './generated-files.ts';
export type { ConfigProblem, FlagSetting, Origin } from './layers.ts';
export { ConfigInvalidError, type ConfigSources, loadConfig, type ResolvedConfig } from './load-config.ts';
export { isLoopback } from './loopback.ts';
export type { Config } from './schema.ts';
export { type ConfigRow, showConfig } from './show-config.ts';
