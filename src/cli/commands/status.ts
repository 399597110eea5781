import type { Command } from 'commander';
import type { Config } from '../../config/index.ts';
import { epochMs, formatTime } from '../../core/index.ts';
import {
  type Database,
  listCycles,
  listEquity,
  listPositions,
  listRuns,
  migrationStatus,
  readLease,
  universeAt,
} from '../../database/index.ts';
import {
  BOOK,
  type BookOverview,
  describeCapital,
  describeRisk,
  ownerOf,
  readBookOverview,
} from '../../engine/index.ts';
import { modelStanding } from '../../model/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { formatStop } from '../cycle-view.ts';
import { standingLines } from '../standing-view.ts';
import { withStore } from '../store.ts';
import { formatTable } from '../terminal.ts';

export function addStatus(program: Command, context: CliContext): void {
  withCommonOptions(program.command('status'))
    .description('What runs, where the book stands, and the last minutes.')
    .addHelpText('after', '\nExample: minutehand status --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const pid = ownerOf(config.data_dir);
        const log = commandLog(config, options);
        const stored = await withStore(config, log, { create: false, migrate: false }, (database) =>
          readStatus(database, config),
        );
        const { lastCycle, equity, positions, overview } = stored;
        const { overview: _, isRealMarket: _market, ...shown } = stored;
        return {
          result: {
            running: pid !== undefined,
            ...(pid === undefined ? {} : { pid }),
            dataDir: config.data_dir,
            mode: config.mode,
            rehearsal: isRehearsal(config, stored),
            ...shown,
            risk: overview?.risk ?? null,
            capital: overview?.capital ?? null,
          },
          lines: () => [
            pid === undefined ? 'not running' : `running as process ${pid}`,
            `data ${config.data_dir}, ${config.mode} trading${isRehearsal(config, stored) ? ' (REHEARSAL at a simulated exchange)' : ''}, market: ${stored.market ?? 'none yet'}`,
            lastCycle
              ? `last minute ${lastCycle.minute}: ${lastCycle.status}${lastCycle.reason ? ` (${lastCycle.reason})` : ''}, ${lastCycle.candles} candles, ${lastCycle.predictions} forecasts, ${lastCycle.signals} signals`
              : 'no minute decided yet',
            ...(overview ? [`risk ${describeRisk(overview.risk)}`] : []),
            ...standingLines(stored.models),
            ...(equity
              ? [
                  `equity ${equity.equity} ${config.universe.quote}, ${equity.openPositions} open positions, fees ${equity.fees}${Number(equity.funding) === 0 ? '' : `, funding ${equity.funding}`}`,
                ]
              : []),
            ...(overview?.capital ? [describeCapital(overview.capital, config.universe.quote)] : []),
            ...(positions.length === 0
              ? []
              : formatTable(
                  [
                    { title: 'symbol' },
                    { title: 'quantity', align: 'right' },
                    { title: 'average', align: 'right' },
                    { title: 'mark', align: 'right' },
                    { title: 'profit', align: 'right' },
                    { title: 'stop', align: 'right' },
                    { title: 'targets', align: 'right' },
                  ],
                  positions.map((position) => [
                    position.symbol,
                    position.quantity,
                    position.averagePrice,
                    position.markPrice,
                    position.unrealizedPnl,
                    formatStop(position),
                    position.targetPrices?.join(', ') || '-',
                  ]),
                )),
          ],
        };
      }),
    );
}

const isRehearsal = ({ mode, exchange }: Config, { isRealMarket }: { readonly isRealMarket?: boolean }): boolean =>
  mode === 'live' && !(isRealMarket ?? exchange.real);

async function readStatus(database: Database, config: Config) {
  const migrations = await migrationStatus(database);
  if (migrations.some(({ applied }) => !applied)) {
    return {
      schema: 'out of date: run "minutehand db migrate"',
      universe: [],
      models: { champion: null, challenger: null, reason: null },
      positions: [],
      recent: { cycles: 0, missed: 0 },
      overview: undefined as BookOverview | undefined,
    };
  }
  const cycles = await listCycles(database, { book: BOOK, limit: 60 });
  const last = cycles.at(-1);
  const [run] = await listRuns(database, BOOK, 1);
  const [equity] = (await listEquity(database, { book: BOOK, limit: 1 })).slice(-1);
  const universe = await universeAt(database, BOOK, epochMs(Number.MAX_SAFE_INTEGER));
  const lease = await readLease(database, BOOK);
  const market = run?.market.identity;
  return {
    schema: 'up to date',
    ...(run === undefined ? {} : { isRealMarket: run.market.kind === 'real' }),
    ...(run === undefined ? {} : { run: run.runId }),
    ...(typeof market === 'string' ? { market } : {}),
    ...(lease ? { lease: { holder: lease.holder, epoch: lease.epoch } } : {}),
    universe: universe ?? [],
    models: await modelStanding(database, BOOK),
    ...(last
      ? {
          lastCycle: {
            minute: formatTime(last.minute),
            status: last.status,
            ...(last.reason ? { reason: last.reason } : {}),
            ...(last.modelId ? { modelId: last.modelId } : {}),
            candles: last.candles,
            predictions: last.predictions,
            signals: last.signals,
            stageMs: last.stageMs,
          },
        }
      : {}),
    recent: { cycles: cycles.length, missed: cycles.filter(({ status }) => status === 'MISSED').length },
    ...(equity ? { equity } : {}),
    positions: await listPositions(database, BOOK),
    overview: await readBookOverview(database, config, BOOK),
  };
}
