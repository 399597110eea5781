import type { Config, ExchangeKeys } from '../config/index.ts';
import type { Log, Metrics } from '../core/index.ts';
import type { EngineEvent } from './engine-event.ts';

/** What an engine process is started with. */
export interface EngineOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  /** Base URL of a simulated or other exchange; absent for the venue's own. */
  readonly exchangeUrl?: string;
  readonly simulatorToken?: string;
  readonly modelsDirectory: string;
  /** Artefacts that come with the package. */
  readonly packagedModels: string;
  readonly logDirectory: string;
  /** Path of the binary that fits models. */
  readonly binary: string;
  readonly codeVersion: string;
  /** Cycles to run; without it the engine runs until it is stopped. */
  readonly minutes?: number;
}

export interface EnginePorts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
  /** Keys for an account at an exchange, asked for in mode live alone. @throws MinutehandError where there are none */
  readonly accountKeys?: (url: string | undefined) => ExchangeKeys;
}
