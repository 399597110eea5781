// `npm test`: sets up what is missing, runs all tests, and closes with one plain line of counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from './setup.mjs';

if (!(await setUp())) process.exit(0);

const root = fileURLToPath(new URL('..', import.meta.url));
const chosen = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'minutehand-test-'));
const summary = join(folder, 'summary.json');
const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...chosen,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${summary}`,
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  let skippedTools = 0;
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(summary, 'utf8'));
    skippedTools =
      process.env.MINUTEHAND_REQUIRE_ALL === '1' && process.env.MINUTEHAND_MARKET_DATA ? numPendingTests : 0;
    if (numPendingTests > 0 && !process.env.MINUTEHAND_MARKET_DATA) {
      console.log('Tests on recorded market data are skipped: MINUTEHAND_MARKET_DATA names no folder.');
    }
    if (skippedTools > 0) console.log(`${skippedTools} tests were skipped although MINUTEHAND_REQUIRE_ALL=1.`);
    console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
  } catch {
    console.log('The tests ended without a summary.');
  }
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = code === 0 && skippedTools > 0 ? 1 : (code ?? 1);
});
