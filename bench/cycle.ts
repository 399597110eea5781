/**
 * How long a minute takes, in total and per stage: the whole system (exchange, WebSocket, database, model, orders) in lock-step on a
 * generated market. Options: --symbols N (50), --minutes N (200). Prints one JSON line; times in real milliseconds.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const { values } = parseArgs({
  options: { symbols: { type: 'string', default: '50' }, minutes: { type: 'string', default: '200' } },
});
const symbols = Number(values.symbols);
const minutes = Number(values.minutes);
const folder = mkdtempSync(join(tmpdir(), 'minutehand-bench-'));
try {
  const binary = fileURLToPath(new URL('../bin/minutehand.js', import.meta.url));
  const run = ['up', '--generate', '7', '--speed', 'max', '--minutes', String(minutes), '--no-ui', '--json'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [binary, ...run, '--set', `universe.size=${symbols}`, '--data-dir', join(folder, 'data')],
    { maxBuffer: 2 ** 24 },
  );
  const summary = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}') as {
    cycles: number;
    missed: number;
    predictions: number;
    rssMb: number;
    latencyMs: { total: object; stages: object };
  };
  const { cycles, missed, predictions, rssMb, latencyMs } = summary;
  console.log(
    JSON.stringify({
      bench: 'cycle',
      symbols,
      cycles,
      missed,
      predictions,
      totalMs: latencyMs.total,
      stagesMs: latencyMs.stages,
      rssMb,
      node: process.versions.node,
      cores: cpus().length,
      load1m: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
