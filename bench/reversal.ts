import { type ReversalResult, reversalAgreement, tradeReversal } from './reversal-books.ts';

/*
 * npm run --silent bench:reversal -- [--books 40]
 * Whether the intervals of books that trade the planted edge hold the Sharpe ratio that it is worth by construction, one generated market each. The last line is one JSON
 * object.
 */
const at = process.argv.indexOf('--books');
const BOOKS = at < 0 ? 40 : Number(process.argv[at + 1]);

const results: ReversalResult[] = [];
for (let book = 0; book < BOOKS; book++) {
  const result = await tradeReversal(`reversal/${book}`);
  const { theory, sharpe } = result;
  process.stderr.write(
    `${book}: ${sharpe.value?.toFixed(2)} [${sharpe.low?.toFixed(2)}, ${sharpe.high?.toFixed(2)}], theory ${theory.toFixed(2)}\n`,
  );
  results.push(result);
}
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ ok: true, ...reversalAgreement(results), cpuSeconds: Math.round((user + system) / 1e6) })}\n`,
);
