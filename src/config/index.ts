export { durationMs } from './duration.ts';
export { configJsonSchema, renderKeyTable } from './generated-files.ts';
export type { ConfigProblem, FlagSetting, Origin } from './layers.ts';
export { ConfigInvalidError, type ConfigSources, loadConfig, type ResolvedConfig } from './load-config.ts';
export type { Config } from './schema.ts';
export { type ConfigRow, showConfig } from './show-config.ts';
