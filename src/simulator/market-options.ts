import { MinutehandError } from '../core/index.ts';
import { openGeneratedMarket } from './generated-market.ts';
import { openReplayMarket } from './replay-market.ts';
import type { SimulatedMarket } from './simulated-market.ts';

/** Which market a simulated venue plays: a replay of files or a generated one. */
export interface MarketOptions {
  /** Folder of one-minute bars. */
  readonly replay?: string | undefined;
  /** Folder of older, coarser bars; with `replay` only. */
  readonly history?: string | undefined;
  /** Seed of a generated market, a whole number. */
  readonly generate?: number | undefined;
  /** Plant the documented edge; with `generate` only. */
  readonly edge?: boolean | undefined;
  /** Number of generated symbols, 3 to 999; by default 50. */
  readonly symbols?: number | undefined;
}

/**
 * Opens the market that the options name.
 * @throws MinutehandError MARKET_OPTIONS (exit 2) where they contradict each other, or what is wrong with a folder or file.
 */
export async function marketFromOptions(options: MarketOptions): Promise<SimulatedMarket> {
  const { replay, history, generate, edge, symbols } = options;
  if (replay !== undefined && generate !== undefined) {
    throw contradiction('a market is either replayed or generated, not both', 'Give one of --replay and --generate.');
  }
  if (replay !== undefined) {
    if (edge === true) {
      throw contradiction(
        'an edge can be planted only into a generated market',
        'Leave --edge away, or use --generate.',
      );
    }
    return openReplayMarket({ replay, history, venue: 'binanceusdm' });
  }
  if (history !== undefined) {
    throw contradiction('--history goes with a replay', 'Add --replay with a folder of one-minute bars.');
  }
  if (generate === undefined) {
    throw contradiction('no market is named', 'Give --replay DIR, or --generate SEED.');
  }
  if (!Number.isSafeInteger(generate)) {
    throw contradiction(`the seed ${generate} is not a whole number`, 'Give a whole number with --generate.');
  }
  if (symbols !== undefined && (!Number.isInteger(symbols) || symbols < 3 || symbols > 999)) {
    throw contradiction(`a generated market has 3 to 999 symbols, not ${symbols}`, 'Choose a number in that range.');
  }
  return openGeneratedMarket({ seed: generate, edge: edge === true, symbols });
}

const contradiction = (message: string, remedy: string) =>
  new MinutehandError('MARKET_OPTIONS', message, remedy, { exitCode: 2 });
