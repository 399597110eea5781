import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ColumnTask, WorkerSetUp } from './column-worker.ts';
import { allocateSeries, type ColumnRequest, type Columns, columnsOf, inputOf, planColumns } from './columns.ts';

/** Rows of the panel that one worker takes at a time. */
const CROSS_ROWS = 512;

/**
 * Computes columns with worker threads that share the memory of the result.
 * @param names of features of the catalogue, in the order of a row
 */
export async function computeColumnsInParallel(
  names: readonly string[],
  request: ColumnRequest,
  threads: number,
): Promise<Columns> {
  const plan = planColumns(request);
  const { symbols, grid } = plan;
  const width = names.length;
  const series = symbols.map(() => allocateSeries(grid, width, (bytes) => new SharedArrayBuffer(bytes)));
  const setUp: WorkerSetUp = { names, plan, series };
  const workers = Array.from({ length: Math.max(1, Math.min(threads, symbols.length)) }, () => startWorker(setUp));
  const stretches = Array.from({ length: Math.ceil(grid.rows / CROSS_ROWS) }, (_, index): ColumnTask => {
    const from = index * CROSS_ROWS;
    return { stage: 'cross', from, to: Math.min(from + CROSS_ROWS, grid.rows) };
  });
  const total = symbols.length + stretches.length;
  let done = 0;
  const onDone = () => request.onProgress?.(++done, total);
  try {
    const ofSymbols = symbols.map(
      (symbol, index) => (): ColumnTask => ({
        stage: 'series',
        index,
        input: inputOf(request, symbol),
      }),
    );
    await share(workers, ofSymbols, onDone);
    await share(
      workers,
      stretches.map((stretch) => () => stretch),
      onDone,
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return columnsOf(plan, width, series);
}

/** Each worker takes the next task as soon as it has done one. */
async function share(workers: readonly Worker[], tasks: readonly (() => ColumnTask)[], onDone: () => void) {
  let next = 0;
  await Promise.all(
    workers.map(async (worker) => {
      for (;;) {
        const task = tasks[next++];
        if (!task) return;
        await perform(worker, task());
        onDone();
      }
    }),
  );
}

function perform(worker: Worker, task: ColumnTask): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      settle();
    };
    const onMessage = () => finish(resolve);
    const onError = (error: unknown) => finish(() => reject(error));
    const onExit = (code: number) => finish(() => reject(new Error(`a feature worker ended with code ${code}`)));
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(task);
  });
}

/** The built program holds the worker as a file of its own; from the sources, a loader reads its TypeScript. */
function startWorker(setUp: WorkerSetUp): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./feature-worker.mjs', import.meta.url), { workerData: setUp });
  }
  const loader = createRequire(import.meta.url).resolve('tsx/esm/api');
  const worker = new URL('./column-worker.ts', import.meta.url).href;
  const start = `require(${JSON.stringify(loader)}).register(); import(${JSON.stringify(worker)});`;
  return new Worker(start, { eval: true, workerData: setUp });
}
