// Brings a fresh clone to where it can run: installs the locked packages, builds the binary. Node built-ins only, since it
// runs before anything is installed. Everything it says goes to stderr.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.minutehand-setup');
const binary = join(root, 'dist', 'minutehand.mjs');

/** Installs and builds what is missing or out of date. Resolves to false when a signal asked to stop. */
export async function setUp() {
  return (await install()) && (await build());
}

/** Builds `dist/` unless it is newer than every source. */
export async function build() {
  if (!existsSync(join(root, 'src')) || isBuilt()) return true;
  say('building …');
  return withLock(
    async () => isBuilt() || run(process.execPath, [join(modules, 'tsdown', 'dist', 'run.mjs')], { quiet: true }),
  );
}

async function install() {
  if (isInstalled()) return true;
  say('first run: installing packages (about a minute) …');
  return withLock(async () => {
    if (isInstalled()) return true;
    const npmCli = process.env.npm_execpath?.endsWith('.js') ? [process.env.npm_execpath] : undefined;
    const command = npmCli ? process.execPath : 'npm';
    const env = {
      ONNXRUNTIME_NODE_INSTALL: 'skip',
      npm_config_loglevel: 'error',
      npm_config_onnxruntime_node_install: 'skip',
    };
    const done = await run(command, [...(npmCli ?? []), 'ci', '--include=dev', '--loglevel=error'], { env });
    if (done) writeFileSync(stamp, fingerprint());
    return done;
  });
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();
}

function fingerprint() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`;
}

function isBuilt() {
  if (!existsSync(binary)) return false;
  const built = statSync(binary).mtimeMs;
  const sources = [join(root, 'src'), join(root, 'package.json'), join(root, 'tsdown.config.ts')];
  return sources.every((path) => newest(path) <= built);
}

function newest(path) {
  const entry = statSync(path);
  if (!entry.isDirectory()) return path.endsWith('.test.ts') ? 0 : entry.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Two set-ups at once would delete each other's files: the second waits for the first. */
async function withLock(work) {
  const lock = join(root, '.setup.lock');
  for (;;) {
    try {
      const handle = openSync(lock, 'wx');
      writeSync(handle, String(process.pid));
      closeSync(handle);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        say(`cannot write to ${root}: ${error.message}. Make the folder writable, or clone to one that is.`);
        process.exit(1);
      }
      if (!isAlive(lock)) rmSync(lock, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    mkdirSync(modules, { recursive: true });
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(lock) {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    if (!(owner > 0)) return Date.now() - statSync(lock).mtimeMs < 2000;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Runs a command in a process group of its own, its output on stderr (with `quiet` only if it fails); a signal to this process
 * stops it without a word.
 */
function run(command, args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
      env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        output += chunk;
      });
    }
    let stopping = false;
    const stop = () => {
      stopping = true;
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has ended already.
      }
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    const finish = (code, reason) => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      if (stopping) return resolve(false);
      if (code === 0) return resolve(true);
      process.stderr.write(output);
      say(`"${command} ${args.join(' ')}" failed (${reason}). See the lines above; then try again.`);
      rmSync(join(root, '.setup.lock'), { force: true });
      process.exit(1);
    };
    child.on('error', (error) => finish(1, error.message));
    child.on('exit', (code, signal) => finish(code, signal ?? `exit ${code}`));
  });
}

function say(text) {
  process.stderr.write(`minutehand: ${text}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit((await setUp()) ? 0 : 130);
