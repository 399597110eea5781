import type { TrainWorkerEvent } from '../../engine/index.ts';
import type { TrainingProgress } from '../../model/index.ts';

/** A line of a training's state with the time that is left, from the steps of this run. */
export function progressText(): (progress: TrainingProgress) => string {
  let first: { step: number; at: number } | undefined;
  return ({ epoch, epochs, step, steps, loss, finished }) => {
    const now = performance.now();
    first ??= { step, at: now };
    const done = step - first.step;
    const left = done > 0 ? ((now - first.at) / done) * (steps - step) : Number.NaN;
    const eta = Number.isFinite(left) ? `, ${Math.ceil(left / 60_000)} min left` : '';
    if (finished)
      return `epoch ${epoch + 1} of ${epochs}: loss ${finished.loss.toFixed(4)}, IC ${finished.informationCoefficient.toFixed(4)}, log-loss ${finished.directionLogLoss.toFixed(4)}`;
    return `epoch ${epoch + 1} of ${epochs}, step ${step} of ${steps}: loss ${loss.toFixed(4)}${eta}`;
  };
}

export const jobName = ({ fold, seed }: { readonly fold: number; readonly seed: number }): string =>
  `fold ${fold} seed ${seed}`;

/** A line of what a worker's jobs are at. */
export function trainingProgressText(): (event: TrainWorkerEvent) => string {
  const texts = new Map<string, ReturnType<typeof progressText>>();
  const textOf = (event: TrainWorkerEvent): string => {
    switch (event.kind) {
      case 'started':
        texts.set(event.id, progressText());
        return 'started';
      case 'stage':
        return event.stage;
      case 'progress':
        return (texts.get(event.id) ?? progressText())(event.progress);
      case 'ended':
        texts.delete(event.id);
        return event.outcome.kind === 'returned' ? 'given back' : event.outcome.kind;
    }
  };
  return (event) => `${jobName(event.job)}: ${textOf(event)}`;
}
