import { sharpeOf, wilson } from '../src/backtest/index.ts';
import { createRandom, type Random } from '../src/core/index.ts';
import { tradeRandomBooks } from './random-books.ts';

/*
 * npm run --silent bench:no-edge -- [--seeds 4000] [--days 180] [--books 0]
 * In how many series of daily returns without an edge the interval of the Sharpe ratio leaves out 0; and how often the reports of so many books of a random strategy,
 * traded on generated markets without an edge, call them significant. The last line is one JSON object.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const [SEEDS, DAYS, BOOKS] = [option('seeds', 4000), option('days', 180), option('books', 0)];

const MARKETS: Record<string, (random: Random) => Float64Array> = {
  independent: (random) => seriesOf(() => random.normal()),
  heavyTailed: (random) => seriesOf(() => studentT(random, 3)),
  autocorrelated: (random) => seriesOf(autocorrelated(0.2, () => random.normal())),
  clusteredHeavyTailedAutocorrelated: (random) => {
    let logVolatility = 0;
    const shock = () => {
      logVolatility = 0.95 * logVolatility + 0.15 * random.normal();
      return Math.exp(logVolatility) * studentT(random, 5);
    };
    return seriesOf(autocorrelated(0.15, shock));
  },
};

const started = performance.now();
const markets = Object.fromEntries(
  Object.entries(MARKETS).map(([name, market]) => {
    let above = 0;
    let below = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const random = createRandom(`no edge/${name}/${seed}`);
      const { low, high } = sharpeOf(market(random), { random: random.fork('draws') });
      if ((low ?? 0) > 0) above++;
      if ((high ?? 0) < 0) below++;
    }
    process.stderr.write(`${name}: ${above} above and ${below} below 0 of ${SEEDS}\n`);
    return [name, { twoSided: wilson(above + below, SEEDS), above: wilson(above, SEEDS) }];
  }),
);
const books =
  BOOKS === 0
    ? null
    : await tradeRandomBooks(BOOKS, (done) => {
        if (done % 100 === 0) process.stderr.write(`${done} of ${BOOKS} random books\n`);
      });
const seconds = (performance.now() - started) / 1000;
process.stdout.write(`${JSON.stringify({ ok: true, seeds: SEEDS, days: DAYS, markets, books, seconds })}\n`);

function seriesOf(next: () => number): Float64Array {
  return Float64Array.from({ length: DAYS }, () => 0.01 * next());
}

function autocorrelated(carriedOver: number, shock: () => number): () => number {
  let value = 0;
  const next = () => {
    value = carriedOver * value + Math.sqrt(1 - carriedOver ** 2) * shock();
    return value;
  };
  for (let day = 0; day < 20; day++) next();
  return next;
}

function studentT(random: Random, freedom: number): number {
  let square = 0;
  for (let i = 0; i < freedom; i++) square += random.normal() ** 2;
  return random.normal() / Math.sqrt(square / freedom);
}
