import { describe, expect, it } from 'vitest';
import { compileInference } from './compile.ts';
import { Graph } from './graph.ts';
import { relu } from './ops/index.ts';
import { createSession } from './session.ts';

const file = () => compileInference({ name: 'relu', outputs: { y: relu(new Graph().input('x', [2])) } });

describe('createSession', () => {
  it('says which device is missing, and ends a command with 2', async () => {
    await expect(createSession(file(), { device: 'cuda' })).rejects.toMatchObject({
      code: 'TENSOR_DEVICE',
      exitCode: 2,
      message: expect.stringContaining('there is no cuda to run on'),
    });
  });

  it('refuses bytes that are no graph', async () => {
    await expect(createSession(file().subarray(0, 20))).rejects.toMatchObject({ code: 'TENSOR_MODEL' });
  });
});
