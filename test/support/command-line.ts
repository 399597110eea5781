import { type CliContext, runCli } from '../../src/cli/index.ts';
import { ROOT } from './minutehand.ts';

export interface CommandRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was asked of somebody at the terminal. */
  readonly asked: readonly string[];
}

/** Runs a command in this process as from a shell in `folder`; with an answer, somebody sits at the terminal and gives it. */
export async function runCommand(
  args: readonly string[],
  options: { readonly folder: string; readonly databaseUrl: string; readonly answer?: string | undefined },
): Promise<CommandRun> {
  const { folder, databaseUrl, answer } = options;
  let [stdout, stderr] = ['', ''];
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return answer ?? '';
  };
  const context: CliContext = {
    terminal: {
      stdout: {
        write: (text: string, done?: (error?: Error | null) => void) => {
          stdout += text;
          done?.();
        },
      },
      stderr: {
        write: (text: string) => {
          stderr += text;
        },
      },
      env: { DATABASE_URL: databaseUrl },
      ...(answer === undefined ? {} : { ask }),
    },
    root: ROOT,
    invokedFrom: folder,
    signal: new AbortController().signal,
    exitCode: 0,
  };
  const code = await runCli([...args], context);
  return { code, stdout, stderr, asked };
}
