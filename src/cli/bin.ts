import { createInterface } from 'node:readline/promises';
import { type CliContext, packageRoot } from './context.ts';
import { runCli } from './main.ts';

// A signal asks the command to stop; a second one within its stopping is ignored, as stopping takes seconds at most.
const stopping = new AbortController();
if (process.env.MINUTEHAND_SUPERVISED !== '1') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
}
// A reader that has gone (`| head`) is no reason to fail.
process.stdout.on('error', () => undefined);

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question, { signal: stopping.signal });
  } catch (error) {
    // Ctrl-C and the end of input are no answer.
    if (error instanceof Error && error.name === 'AbortError') return '';
    throw error;
  } finally {
    lines.close();
  }
}

const isAttended = process.stdin.isTTY === true && process.stderr.isTTY === true;
const context: CliContext = {
  terminal: { stdout: process.stdout, stderr: process.stderr, env: process.env, ...(isAttended ? { ask } : {}) },
  root: packageRoot(),
  invokedFrom: process.env.MINUTEHAND_INVOKED_FROM ?? process.cwd(),
  signal: stopping.signal,
  exitCode: 0,
};
process.exit(await runCli(process.argv.slice(2), context));
