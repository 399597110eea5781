import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Unzipped, unzipSync, type Zippable, zipSync } from 'fflate';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ModelRefusedError } from './artefact.ts';
import { exportArtefact, importArtefact } from './artefact-transfer.ts';
import { type FittedBaseline, fitBaseline } from './fit-baseline.ts';
import { modelIdOf } from './manifest.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const dataset = syntheticDataset({ seed: 3, symbols: 5, rows: 1300, width: 4, edge: 0.2 });
const expected = { featureSetHash: dataset.featureSetHash, universe: dataset.symbols };
const FILES = ['card.md', 'manifest.json', 'model.onnx'];
let folder: string;
let fitted: FittedBaseline;
/** Where the test of the hour works. */
let here: string;
let models: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-transfer-'));
  fitted = await fitBaseline({
    dataset,
    outputDirectory: join(folder, 'made'),
    seed: 1,
    market: { source: 'generated', plantedEdge: true },
    codeVersion: 'test',
    settings: { maxLogisticRows: 600 },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  here = await mkdtemp(join(folder, 'test-'));
  models = join(here, 'models');
});

const bytesOf = async (directory: string) =>
  Promise.all((await readdir(directory)).sort().map(async (name) => [name, await readFile(join(directory, name))]));

/** An archive of the artefact whose entries were changed. */
async function archive(change: (entries: Unzipped) => Zippable, name = 'changed.zip'): Promise<string> {
  const entries = Object.fromEntries((await bytesOf(fitted.directory)) as [string, Buffer][]);
  const path = join(here, name);
  await writeFile(path, zipSync(change(entries)));
  return path;
}

/** The field by whose name an import is refused; nothing may be left of it. */
async function refusedField(source: string, changes: Partial<typeof expected> = {}): Promise<string> {
  const refusal: unknown = await importArtefact(source, models, { ...expected, ...changes }).catch((error) => error);
  if (!(refusal instanceof ModelRefusedError)) throw refusal;
  expect(refusal.message).toContain(source);
  expect(await readdir(models).catch(() => [])).toEqual([]);
  return refusal.field;
}

describe('an exported artefact', () => {
  it.each(['copy', 'copy.zip'])('comes back as it was from %s, bytes, id and all', async (name) => {
    await exportArtefact(fitted.directory, join(here, name));
    const imported = await importArtefact(join(here, name), models, expected);
    expect(imported).toMatchObject({ changed: true, directory: join(models, fitted.modelId) });
    expect(await bytesOf(imported.directory)).toEqual(await bytesOf(fitted.directory));
    expect(await readdir(models)).toEqual([fitted.modelId]);
    expect((await readdir(here)).sort()).toEqual([name, 'models']);
  });

  it('is the same archive to the byte, in whatever time zone it is made', async () => {
    const zone = process.env.TZ;
    const archives: Buffer[] = [];
    try {
      for (const place of ['Pacific/Auckland', 'America/Lima']) {
        process.env.TZ = place;
        await exportArtefact(fitted.directory, join(here, `${archives.length}.zip`));
        archives.push(await readFile(join(here, `${archives.length}.zip`)));
      }
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
    const [one, two] = archives;
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    expect(Object.keys(unzipSync(one ?? new Uint8Array())).sort()).toEqual(FILES);
  });

  it('never takes the place of something else, and is never a damaged one', async () => {
    await writeFile(join(here, 'taken.zip'), 'mine');
    await mkdir(join(here, 'taken'));
    for (const name of ['taken.zip', 'taken']) {
      await expect(exportArtefact(fitted.directory, join(here, name))).rejects.toMatchObject({
        code: 'MODEL_DESTINATION_EXISTS',
        exitCode: 2,
      });
    }
    await cp(fitted.directory, join(here, 'damaged'), { recursive: true });
    await truncate(join(here, 'damaged', 'model.onnx'), 100);
    await expect(exportArtefact(join(here, 'damaged'), join(here, 'out'))).rejects.toMatchObject({
      field: 'weightsSha256',
    });
    expect((await readdir(here)).sort()).toEqual(['damaged', 'taken', 'taken.zip']);
  });
});

describe('an import', () => {
  it('that is repeated changes nothing, mends an artefact that was damaged, and works many times at once', async () => {
    await importArtefact(fitted.directory, models, expected);
    expect(await importArtefact(fitted.directory, models, expected)).toMatchObject({ changed: false });
    await truncate(join(models, fitted.modelId, 'model.onnx'), 10);
    expect(await importArtefact(fitted.directory, models, expected)).toMatchObject({ changed: true });
    await rm(models, { recursive: true });
    await Promise.all([1, 2, 3].map(() => importArtefact(fitted.directory, models, expected)));
    expect(await readdir(models)).toEqual([fitted.modelId]);
    expect(await bytesOf(join(models, fitted.modelId))).toEqual(await bytesOf(fitted.directory));
  });

  it('takes an archive whose files lie in one folder, and writes the card anew', async () => {
    const source = await archive((entries) => ({
      'any name/': new Uint8Array(),
      ...Object.fromEntries(Object.entries(entries).map(([name, bytes]) => [`any name/${name}`, bytes])),
      'any name/card.md': Buffer.from('the best model there is'),
    }));
    const { directory } = await importArtefact(source, models, expected);
    expect(await bytesOf(directory)).toEqual(await bytesOf(fitted.directory));
  });

  it('refuses what is served otherwise, by the name of the field', async () => {
    expect(await refusedField(fitted.directory, { featureSetHash: 'other' })).toBe('featureSetHash');
    expect(await refusedField(fitted.directory, { universe: [...dataset.symbols, 'NEWUSDT'] })).toBe('universe');
    const unknown = { ...expected, universe: undefined };
    expect(await importArtefact(fitted.directory, models, unknown)).toMatchObject({ changed: true });
  });

  it('refuses archives with names that lead elsewhere or that no artefact has', async () => {
    for (const name of [
      '../model.onnx',
      '../../etc/passwd',
      '/model.onnx',
      '..\\model.onnx',
      'a/b/model.onnx',
      './model.onnx',
      '../',
      'extra.txt',
      '',
    ]) {
      const { 'model.onnx': onnx = new Uint8Array(), ...rest } = Object.fromEntries(
        (await bytesOf(fitted.directory)) as [string, Buffer][],
      );
      expect(await refusedField(await archive(() => ({ ...rest, [name]: onnx }))), name).toBe('archive');
    }
    const twice = await archive((entries) => ({ ...entries, 'folder/card.md': new Uint8Array() }));
    expect(await refusedField(twice)).toBe('archive');
    expect(await readdir(folder)).not.toContain('model.onnx');
  });

  it('refuses archives that are cut off, no archive, or lack a file', async () => {
    const whole = await readFile(await archive((entries) => entries));
    for (const length of [0, 30, whole.length >> 1, whole.length - 30]) {
      await writeFile(join(here, 'cut.zip'), whole.subarray(0, length));
      expect(await refusedField(join(here, 'cut.zip')), `${length} bytes`).toBe('archive');
    }
    await writeFile(join(here, 'text.zip'), 'no archive at all');
    expect(await refusedField(join(here, 'text.zip'))).toBe('archive');
    for (const [name, field] of [
      ['model.onnx', 'model.onnx'],
      ['manifest.json', 'manifest'],
    ]) {
      const lacking = await archive((entries) =>
        Object.fromEntries(Object.entries(entries).filter(([file]) => file !== name)),
      );
      expect(await refusedField(lacking)).toBe(field);
    }
  });

  it('refuses files that are too large before they are read, whatever an archive says of them', async () => {
    const large = join(here, 'large');
    await cp(fitted.directory, large, { recursive: true });
    await truncate(join(large, 'model.onnx'), 2 ** 29 + 1);
    expect(await refusedField(large)).toBe('model.onnx');
    await writeFile(join(here, 'large.zip'), '');
    await truncate(join(here, 'large.zip'), 2 ** 30);
    expect(await refusedField(join(here, 'large.zip'))).toBe('archive');

    const honest = await readFile(await archive((entries) => entries));
    const says = (bytes: number) => writeFile(join(here, 'says.zip'), withDeclaredSize(honest, 'model.onnx', bytes));
    await says(2 ** 30);
    expect(await refusedField(join(here, 'says.zip'))).toBe('model.onnx');
    await says(10);
    expect(await refusedField(join(here, 'says.zip'))).toBe('weightsSha256');
  });

  it('refuses links, pipes and what is not there', async () => {
    const linked = join(here, 'linked');
    await cp(fitted.directory, linked, { recursive: true });
    await rm(join(linked, 'model.onnx'));
    await symlink(join(fitted.directory, 'model.onnx'), join(linked, 'model.onnx'));
    expect(await refusedField(linked)).toBe('model.onnx');
    await rm(join(linked, 'model.onnx'));
    await promisify(execFile)('mkfifo', [join(linked, 'model.onnx')]);
    expect(await refusedField(linked)).toBe('model.onnx');
    await mkdir(join(here, 'empty'));
    expect(await refusedField(join(here, 'empty'))).toBe('manifest');
    await expect(importArtefact(join(here, 'nothing.zip'), models, expected)).rejects.toMatchObject({
      code: 'MODEL_SOURCE_MISSING',
      exitCode: 2,
    });
  });

  it('refuses a manifest that was changed, also one whose id would be a path', async () => {
    const { modelId: _, ...body } = fitted.manifest;
    const changed = (manifest: object) =>
      archive((entries) => ({ ...entries, 'manifest.json': Buffer.from(JSON.stringify(manifest)) }));
    expect(await refusedField(await changed({ ...fitted.manifest, penalties: {} }))).toBe('modelId');
    expect(await refusedField(await changed({ ...body, modelId: '../../elsewhere' }))).toBe('modelId');
    const kind = 'some-network' as never;
    expect(await refusedField(await changed({ ...body, kind, modelId: modelIdOf({ ...body, kind }) }))).toBe('kind');
    expect(await refusedField(await changed({ ...fitted.manifest, weightsSha256: 'abc' }))).toBe('weightsSha256');
  });
});

/** The archive with another uncompressed size of an entry in its directory. */
function withDeclaredSize(zip: Uint8Array, name: string, bytes: number): Buffer {
  const changed = Buffer.from(zip);
  const entry = changed.lastIndexOf(name) - 46;
  expect(changed.readUInt32LE(entry)).toBe(0x02014b50);
  changed.writeUInt32LE(bytes, entry + 24);
  return changed;
}
