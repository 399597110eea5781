import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { coverageOf, foundEdge, type StudyResult, type StudyTask, studyMarket } from './edge-study.ts';

/*
 * npm run --silent bench:edge -- [--linear 200] [--networks 10] [--seed 1] [--workers 2]
 * With the planted edge: what a linear model and a small network find of it, beside theory. Without: in how many generated markets the intervals
 * of figures that are 0 by construction hold 0; a tenth of the linear models see the whole catalogue. Progress on stderr; the last line is one
 * JSON object. An interrupt (SIGINT) ends it after the markets under way, with what is done by then.
 */
const HEADLINE = 'raw IC, mean of the four horizons';

const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};

/** Elapsed and CPU seconds of a task's process: the second says what the work takes on a machine that others keep busy too. */
type Reply = { readonly result: StudyResult; readonly cpuSeconds: number } | { readonly failure: string };

if (process.send === undefined) await lead();
else {
  process.on('SIGINT', () => undefined);
  process.on('message', (task: StudyTask) => void follow(task));
  process.on('disconnect', () => process.exit());
}

async function follow(task: StudyTask): Promise<void> {
  const before = process.cpuUsage();
  let reply: Reply;
  try {
    const result = await studyMarket(task);
    const { user, system } = process.cpuUsage(before);
    reply = { result, cpuSeconds: (user + system) / 1e6 };
  } catch (error) {
    reply = { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.send?.(reply);
}

async function lead(): Promise<void> {
  const [linear, networks, seed, workers] = [
    option('linear', 200),
    option('networks', 10),
    option('seed', 1),
    option('workers', 2),
  ];
  const tasks: StudyTask[] = [
    { model: 'linear', edge: true, features: 'few', seed: `${seed}` },
    { model: 'network', edge: true, features: 'few', seed: `${seed}` },
    ...withoutEdge(linear, networks, `${seed}`),
  ];
  const started = performance.now();
  const { results, cpuSeconds } = await distribute(tasks, workers);
  const of = (model: StudyTask['model'], edge: boolean) =>
    results.filter(({ task }) => task.model === model && task.edge === edge);
  const without = of('linear', false);
  const linearCoverage = coverageOf(without);
  const headline = linearCoverage[HEADLINE];
  const [linearEdge, networkEdge] = [of('linear', true)[0], of('network', true)[0]];
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
  console.log(
    JSON.stringify(
      {
        seed,
        withEdge: {
          linear: linearEdge && foundEdge(linearEdge),
          network: networkEdge && foundEdge(networkEdge),
          testDays: linearEdge?.testDays,
        },
        withoutEdge: {
          coverage: headline?.coverage,
          expected: headline?.expected,
          interval: headline?.interval,
          withinBinomial: headline?.withinBinomial,
          testDays: without[0]?.testDays,
          runLengthDays: without[0]?.runLengthDays,
          linear: linearCoverage,
          linearOnAllFeatures: coverageOf(without.filter(({ task }) => task.features === 'all'))[HEADLINE],
          network: coverageOf(of('network', false)),
        },
        seconds: Math.round((performance.now() - started) / 1_000),
        cpuSeconds: Math.round(cpuSeconds),
      },
      rounded,
    ),
  );
}

/** Models of both kinds, spread evenly, so that a study that is interrupted has some of each. */
function withoutEdge(linear: number, networks: number, seed: string): StudyTask[] {
  const common = { edge: false, features: 'few' } as const;
  const tasks = [
    ...Array.from({ length: linear }, (_, index) => ({
      at: index / linear,
      task: {
        ...common,
        model: 'linear',
        features: index % 10 === 0 ? 'all' : 'few',
        seed: `${seed}/${index}`,
      } as const,
    })),
    ...Array.from({ length: networks }, (_, index) => ({
      at: index / networks,
      task: { ...common, model: 'network', seed: `${seed}/network/${index}` } as const,
    })),
  ];
  return tasks.sort((a, b) => a.at - b.at).map(({ task }) => task);
}

/** Each worker takes the next task as soon as it has done one. */
async function distribute(
  tasks: readonly StudyTask[],
  workers: number,
): Promise<{ results: StudyResult[]; cpuSeconds: number }> {
  const results: StudyResult[] = [];
  let cpuSeconds = 0;
  let next = 0;
  process.once('SIGINT', () => {
    next = tasks.length;
  });
  const work = async () => {
    const worker = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    try {
      for (;;) {
        const task = tasks[next++];
        if (task === undefined) return;
        const reply = await perform(worker, task);
        if ('failure' in reply) throw new Error(`${JSON.stringify(task)}: ${reply.failure}`);
        results.push(reply.result);
        cpuSeconds += reply.cpuSeconds;
        report(reply.result, reply.cpuSeconds, results.length, tasks.length);
      }
    } finally {
      worker.kill();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { results, cpuSeconds };
}

function perform(worker: ChildProcess, task: StudyTask): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const failed = (code: number | null) => reject(new Error(`a worker ended with ${code}`));
    worker.once('exit', failed);
    worker.once('message', (reply: Reply) => {
      worker.off('exit', failed);
      resolve(reply);
    });
    worker.send(task);
  });
}

function report({ task, figures }: StudyResult, cpuSeconds: number, done: number, total: number): void {
  const { value, low, high } = figures[HEADLINE] ?? { value: null, low: null, high: null };
  const text = [value, low, high].map((number) => number?.toFixed(4) ?? 'n/a');
  process.stderr.write(
    `${done}/${total} ${task.model}${task.edge ? ' with the edge' : ''} ${task.features} ${task.seed}: raw IC ${text[0]} [${text[1]}, ${text[2]}], ${cpuSeconds.toFixed(1)} CPU s\n`,
  );
}
