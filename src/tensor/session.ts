import type { InferenceSession } from 'onnxruntime-node';
import { MinutehandError, messageOf } from '../core/index.ts';

/** Where a graph runs: the runtime's execution provider. */
export const DEVICES = ['cpu', 'cuda', 'webgpu'] as const;
export type Device = (typeof DEVICES)[number];

export interface SessionOptions {
  readonly device?: Device;
  /** Threads inside one operation; 1 by default. */
  readonly threads?: number;
  /** Let waiting threads spin: faster for work without pauses, and a burned core otherwise. */
  readonly spin?: boolean;
}

/**
 * A session of the runtime.
 * @throws MinutehandError TENSOR_DEVICE (exit 2) when the device is not there; TENSOR_MODEL when the file is no graph that runs
 */
export async function createSession(onnx: Uint8Array, options: SessionOptions = {}): Promise<InferenceSession> {
  const { device = 'cpu', threads = 1, spin = false } = options;
  // Loaded only where a graph is run: the runtime's library is large.
  const { InferenceSession } = await import('onnxruntime-node');
  try {
    return await InferenceSession.create(onnx, {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Buffers are given back as soon as they are free, and the next operation finds them in the cache.
      enableMemPattern: false,
      extra: { session: { intra_op: { allow_spinning: spin ? '1' : '0' } } },
    });
  } catch (error) {
    if (device === 'cpu')
      throw new MinutehandError(
        'TENSOR_MODEL',
        `the runtime refuses the graph: ${messageOf(error)}`,
        'The file is damaged or was made for another runtime.',
        { cause: error },
      );
    throw new MinutehandError(
      'TENSOR_DEVICE',
      `there is no ${device} to run on: ${messageOf(error)}`,
      `Run on --device cpu, or install what ${device} needs.`,
      { exitCode: 2, cause: error },
    );
  }
}
