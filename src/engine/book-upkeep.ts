import { type EpochMs, HOUR_MS, MINUTE_MS } from '../core/index.ts';
import { applyRetention, type Database } from '../database/index.ts';
import type { ModelEvidence } from '../signals/index.ts';
import type { BackgroundTasks } from './background-tasks.ts';
import type { BookModels } from './book-models.ts';
import type { BookUniverse } from './book-universe.ts';
import type { EngineOptions, EnginePorts } from './engine-options.ts';
import type { FundingFeed } from './funding-feed.ts';
import { OutcomeJob } from './outcome-job.ts';
import { ParityJob, proveInProcess } from './parity-job.ts';
import { evidenceSettings, retentionPolicy } from './settings.ts';
import type { Venue } from './venue.ts';

const INSTRUMENTS_EVERY_MS = 15 * MINUTE_MS;

export interface BookUpkeepParts {
  readonly book: string;
  readonly options: EngineOptions;
  readonly ports: Pick<EnginePorts, 'log' | 'metrics' | 'onEvent'>;
  readonly database: Database;
  readonly venue: Venue;
  readonly universe: BookUniverse;
  readonly models: BookModels;
  readonly funding: FundingFeed;
  readonly tasks: BackgroundTasks;
  readonly signal: AbortSignal;
}

/**
 * What is due now and then, after a minute's orders have left: another model, what became of the forecasts, the proof of parity, settled
 * funding, the venue's list of instruments, old rows.
 */
export class BookUpkeep {
  readonly #parts: BookUpkeepParts;
  readonly #outcomes: OutcomeJob;
  readonly #parity: ParityJob | undefined;

  constructor(parts: BookUpkeepParts) {
    this.#parts = parts;
    const { book, options, ports, database, venue, models } = parts;
    const { log, metrics } = ports;
    this.#outcomes = new OutcomeJob({
      log,
      metrics,
      book,
      venue: venue.gateway.exchangeId,
      database,
      servedModel: () => models.slot.current?.modelId,
      evidence: evidenceSettings(options.config),
    });
    if (options.config.ml_integration.monitoring.nightly_parity) this.#parity = this.#createParityJob();
  }

  /** What the outcomes of the served model's forecasts say of it. */
  get modelEvidence(): ModelEvidence | undefined {
    return this.#outcomes.evidence;
  }

  async step(minute: EpochMs): Promise<void> {
    const { options, ports, database, venue, universe, models, funding, tasks } = this.#parts;
    // In lock-step nothing runs away: every minute's forecasts have their outcomes as soon as they can, and the next minute
    // knows what has been settled.
    const isWaiting = venue.clock.simulation?.lockstep === true;
    if (options.config.ml_integration.enabled) tasks.run('look for a promoted model', () => models.follow(minute));
    const outcomes = this.#outcomes.step(minute);
    if (outcomes) {
      const done = tasks.run('outcomes of forecasts', () => outcomes);
      if (isWaiting) await done;
    }
    const proof = this.#parity?.step(minute);
    if (proof) tasks.run('proof of parity', () => proof);
    const settlements = funding.follow(minute);
    if (settlements) {
      const done = tasks.run('funding rates', () => settlements);
      if (isWaiting) await done;
    }
    if (minute % INSTRUMENTS_EVERY_MS === 0) await universe.refresh();
    if (minute % HOUR_MS === 0) {
      const policy = retentionPolicy(options.config);
      tasks.run('retention', async () => {
        const { deletedRows } = await applyRetention(database, minute, policy);
        ports.log.info({ deletedRows }, 'old rows were removed');
      });
    }
  }

  #createParityJob(): ParityJob {
    const { book, options, ports, database, venue, signal } = this.#parts;
    const { config, databaseUrl, modelsDirectory, logDirectory, binary } = options;
    const { log, metrics, onEvent } = ports;
    const modelsFolder = config.ml_integration.model.directory ?? modelsDirectory;
    const request = { databaseUrl, book, venue: venue.gateway.exchangeId, modelsFolder, logDirectory };
    return new ParityJob({
      book,
      database,
      prove: (range) => proveInProcess({ ...request, ...range }, { binary, log, signal }),
      log,
      metrics,
      onNotice: (text) => onEvent({ kind: 'notice', text }),
    });
  }
}
