import { parentPort, workerData } from 'node:worker_threads';
import { CATALOGUE } from './catalogue/index.ts';
import { type ColumnPlan, computeCross, computeSeries, type Series, type SeriesInput } from './columns.ts';
import { compilePipeline } from './pipeline.ts';

/** What a worker computes on: `series` lie in memory that all workers share. */
export interface WorkerSetUp {
  /** Of features of the catalogue, in the order of a row. */
  readonly names: readonly string[];
  readonly plan: ColumnPlan;
  readonly series: readonly Series[];
}

/** One symbol's series, or the panel of some rows. */
export type ColumnTask =
  | { readonly stage: 'series'; readonly index: number; readonly input: SeriesInput }
  | { readonly stage: 'cross'; readonly from: number; readonly to: number };

const { names, plan, series }: WorkerSetUp = workerData;
const pipeline = compilePipeline(
  names.map((name) => {
    const feature = CATALOGUE.find((candidate) => candidate.name === name);
    if (!feature) throw new RangeError(`no feature of the catalogue is named ${name}`);
    return feature;
  }),
);

parentPort?.on('message', (task: ColumnTask) => {
  if (task.stage === 'cross') computeCross(pipeline, plan, series, task.from, task.to);
  else {
    const one = series[task.index];
    if (one) computeSeries(pipeline, plan.grid, task.input, one);
  }
  parentPort?.postMessage('done');
});
