import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { addModelBench } from './model-bench.ts';
import { addModelEvaluate } from './model-evaluate.ts';
import { addModelRegistry } from './model-registry.ts';
import { addModelTrain } from './model-train.ts';

export function addModel(program: Command, context: CliContext): void {
  const model = program.command('model').description('Models: which there are, which serves, and what they are worth.');
  addModelTrain(model, context);
  addModelEvaluate(model, context);
  addModelBench(model, context);
  addModelRegistry(model, context);
}
