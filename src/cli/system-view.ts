import type { Config } from '../config/index.ts';
import { systemClock } from '../core/index.ts';
import type { MarketChoice, SystemEvent } from '../engine/index.ts';
import { type BannerMarket, renderBanner, renderCycle } from './cycle-view.ts';
import { standingLines } from './standing-view.ts';
import { createProgress, type Paint, type TextStream } from './terminal.ts';

export interface SystemView {
  show(event: SystemEvent): void;
}

/** Other markets than the one that runs, and how to get there. */
const ALTERNATIVES = [
  { command: 'npm start -- --no-edge', meaning: 'generated, without the planted edge' },
  { command: 'npm start -- --replay DIR --history DIR', meaning: 'recorded candles' },
  { command: 'npm start -- --real --data-dir DIR', meaning: 'real Binance USD-M data, orders on paper' },
] as const;

/** Shows what a running system reports: a banner, then one block per minute. `quiet` leaves only starts, stops and notices. */
export function createSystemView(options: {
  out: TextStream;
  quiet: boolean;
  config: Config;
  market: MarketChoice;
  style: { columns: number; paint: Paint };
}): SystemView {
  const { out, quiet, config, style } = options;
  const write = (lines: readonly string[]) => out.write(`${lines.join('\n')}\n`);
  const progress = createProgress(out, systemClock);
  return {
    show(event) {
      switch (event.kind) {
        case 'component':
          if (event.state === 'restarting' || !quiet) {
            progress.finish();
            write([style.paint.dim(`${event.name} ${event.state}${event.detail ? `: ${event.detail}` : ''}`)]);
          }
          break;
        case 'market': {
          progress.finish();
          const market: BannerMarket = options.market;
          const banner = renderBanner(
            {
              market,
              mode: config.mode,
              isRehearsal: event.market.kind !== 'real',
              exchange: config.exchange.id,
              universe: event.universe.length,
              dataDir: config.data_dir,
              alternatives: ALTERNATIVES,
              ...(event.modelId === undefined ? {} : { model: event.modelId }),
            },
            style,
          );
          write([...banner, ...(market.kind === 'external' ? [`market: ${event.market.label}`] : [])]);
          if (!quiet) write([`universe: ${event.universe.join(' ')}`]);
          break;
        }
        case 'progress':
          progress.update(`${event.task}: ${event.done} of ${event.total}`);
          break;
        case 'model':
          progress.finish();
          write([
            event.alias === 'champion'
              ? `model ${event.modelId} serves (${event.directory})`
              : `model ${event.modelId} forecasts beside it; nothing is traded on that (${event.directory})`,
          ]);
          break;
        case 'standing':
          progress.finish();
          write(standingLines(event.standing));
          break;
        case 'notice':
          progress.finish();
          write([style.paint.yellow(event.text)]);
          break;
        case 'cycle':
          if (quiet) break;
          progress.finish();
          write([
            '',
            ...renderCycle(event.summary, {
              ...style,
              quote: config.universe.quote,
              initialEquity: config.risk.initial_equity,
            }),
          ]);
          break;
      }
    },
  };
}
