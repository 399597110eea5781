import { cpSync, existsSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../src/database/index.ts';
import { featureSet } from '../../src/features/index.ts';
import { fitBaseline } from '../../src/model/index.ts';
import { syntheticDataset } from '../../src/model/synthetic-dataset.fixture.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/minutehand.ts';

let store: TestDatabase;
let folder: ReturnType<typeof temporaryDirectory>;
let [first, second] = ['', ''];

beforeAll(async () => {
  store = await createTestDatabase();
  folder = temporaryDirectory();
  const noise = syntheticDataset({ seed: 8, symbols: 5, rows: 1300, width: 4, edge: 0.1 });
  // The features are invented; that they are those of this version is what the command line checks.
  const dataset = { ...noise, featureSetHash: featureSet().hash };
  const fit = { dataset, market: { source: 'generated', plantedEdge: true }, codeVersion: 'test' } as const;
  const settings = { maxLogisticRows: 600 };
  first = (await fitBaseline({ ...fit, settings, seed: 1, outputDirectory: join(folder.path, 'a') })).modelId;
  second = (await fitBaseline({ ...fit, settings, seed: 2, outputDirectory: join(folder.path, 'b') })).modelId;
});
afterAll(async () => {
  await store?.drop();
  folder?.remove();
});

const model = (...args: string[]) =>
  runCommand(['model', ...args, '--data-dir', join(folder.path, 'data')], {
    folder: folder.path,
    databaseUrl: store.url,
  });

const json = async (...args: string[]) => {
  const { code, stdout } = await model(...args, '--json');
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
};

describe('minutehand model', () => {
  it('imports, lists, shows, promotes, rolls back and exports, with one JSON object each', async () => {
    expect(await model('list')).toMatchObject({ code: 0, stdout: 'there is no model yet\n' });
    expect(await json('import', join('a', first))).toMatchObject({ code: 0, ok: true, changed: true, modelId: first });
    expect(await json('import', join('b', second))).toMatchObject({ code: 0, ok: true, modelId: second });
    expect(await json('promote', first)).toEqual({
      code: 0,
      ok: true,
      changed: true,
      alias: 'champion',
      modelId: first,
      previous: null,
      refusal: null,
    });
    expect(await json('promote', second, '--as', 'challenger')).toMatchObject({ code: 0, alias: 'challenger' });
    const list = await json('list');
    expect(list).toMatchObject({
      code: 0,
      ok: true,
      models: [
        { modelId: first, kind: 'linear-baseline', status: 'champion', alias: 'champion', refusal: null },
        { modelId: second, status: 'candidate', alias: 'challenger' },
      ],
    });
    const [{ windows }] = (list as unknown as { models: [{ windows: { test: { from: string } } }] }).models;
    expect(windows.test.from).toMatch(/^2025-01-\d\dT/);
    const { stdout: table } = await model('list');
    expect(table).toMatch(/^model +kind +status +test window +IC 4h +log-loss 4h +of base rate +macro-F1 +market\n/);
    expect(table).toMatch(new RegExp(`${first} +linear-baseline +champion +2025-01-.*generated, planted edge`));

    expect(await json('promote', 'challenger')).toMatchObject({ modelId: second, previous: first });
    expect((await model('show', 'champion')).stdout).toMatch(
      new RegExp(`^${second}: linear-baseline, champion\n.*passes every check.*promoted to champion .* by cli:`, 's'),
    );
    expect(await json('rollback')).toMatchObject({ code: 0, changed: true, modelId: first, previous: second });
    expect(await json('rollback', '--from', second)).toMatchObject({ code: 0, changed: false, modelId: first });

    expect(await json('export', 'champion', 'copy.zip')).toMatchObject({
      code: 0,
      modelId: first,
      destination: join(folder.path, 'copy.zip'),
    });
    expect(existsSync(join(folder.path, 'copy.zip'))).toBe(true);
    expect(await json('import', 'copy.zip')).toMatchObject({ code: 0, changed: false, modelId: first });
  });

  it('refuses an unknown id with 2 and the ids there are, and what is damaged with 3 and the field', async () => {
    const unknown = await json('show', 'nothing');
    expect(unknown).toMatchObject({ code: 2, ok: false, error: { code: 'MODEL_UNKNOWN' } });
    expect(JSON.stringify(unknown)).toContain(second);
    expect(await json('promote', second, '--as', 'favourite')).toMatchObject({
      code: 2,
      error: { code: 'USAGE_INVALID' },
    });
    cpSync(join(folder.path, 'a', first), join(folder.path, 'broken'), { recursive: true });
    truncateSync(join(folder.path, 'broken', 'model.onnx'), 50);
    const { code, stderr } = await model('import', 'broken');
    expect(code).toBe(3);
    expect(stderr).toMatch(/broken is refused: weightsSha256: .*\nremedy: /);

    truncateSync(join(folder.path, 'data', 'models', second, 'model.onnx'), 50);
    expect(await json('promote', second)).toMatchObject({ code: 3, error: { code: 'MODEL_REFUSED' } });
    expect(await json('show', second)).toMatchObject({ code: 1, ok: false, refusal: { field: 'weightsSha256' } });
    expect(await json('list')).toMatchObject({ models: [{ modelId: first, alias: 'champion' }, {}] });
    expect(readdirSync(join(folder.path, 'data', 'models')).sort()).toEqual([first, second].sort());
  });
});
