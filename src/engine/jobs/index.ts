export { type JobFailure, type JobOutcome, type JobQueue, type JobState, openJobQueue } from './job-queue.ts';
export { runTrainJob, TRAIN_JOBS, type TrainJob, type TrainResult } from './train-job.ts';
export {
  type TrainProcessReport,
  type TrainProcessRequest,
  type TrainWorkerEvent,
  workOnTraining,
} from './train-worker.ts';
export {
  followTrainingJobs,
  type PlannedFold,
  planFolds,
  RUN_FIGURES,
  type RunFigures,
  runIdOf,
  summariseRun,
  type TrainingRunState,
  type TrainingSummary,
} from './training-run.ts';
