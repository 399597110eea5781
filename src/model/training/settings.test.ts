import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learningRateAt, trainingSettingsSchema } from './settings.ts';
import { readTrainingSettings } from './train-model.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-settings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('training settings', () => {
  it('have a default for every key', () => {
    const settings = trainingSettingsSchema.parse({});
    expect(settings.network).toMatchObject({
      context: 96,
      patch: 16,
      stride: 8,
      width: 256,
      heads: 8,
      hidden: 512,
      layers: 3,
    });
    expect(settings.classWeights).toEqual([1, 1, 1]);
  });

  it('are refused by the name of the key', async () => {
    const write = async (text: string) => {
      const file = join(folder, 'settings.yaml');
      await writeFile(file, text);
      return readTrainingSettings(file);
    };
    const refusals = [
      ['epoch: 3', 'epoch'],
      ['network: { width: 100 }', 'network.width'],
      ['network: { patch: 12 }', 'network.patch'],
      ['network: { context: 100 }', 'network.context'],
      ['learningRate: -1', 'learningRate'],
      ['learningRate: [', 'cannot be read'],
    ] as const;
    for (const [text, named] of refusals) {
      await expect(write(text), text).rejects.toMatchObject({
        code: 'TRAINING_SETTINGS',
        exitCode: 2,
        message: expect.stringContaining(named),
      });
    }
    expect((await write('epochs: 4')).epochs).toBe(4);
    await expect(readTrainingSettings(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'TRAINING_SETTINGS' });
  });

  it('let the learning rate rise to its height and fall to nothing', () => {
    const settings = { learningRate: 1, warmUpShare: 0.1 };
    const rates = Array.from({ length: 100 }, (_, step) => learningRateAt(settings, step, 100));
    expect(rates[0]).toBeCloseTo(0.1);
    expect(Math.max(...rates)).toBe(1);
    expect(rates.indexOf(1)).toBe(9);
    expect(rates.at(-1)).toBeLessThan(0.001);
  });
});
