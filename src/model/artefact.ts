import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FORECAST_OUTPUTS, MinutehandError, messageOf, type SymbolId } from '../core/index.ts';
import { isModelInput, parseScaler } from '../features/index.ts';
import { type OnnxModelSummary, readOnnxModel } from '../tensor/index.ts';
import { hashUniverse, type Manifest, manifestSchema, modelIdOf, sha256 } from './manifest.ts';

export const MODEL_FILE = 'model.onnx';
export const MANIFEST_FILE = 'manifest.json';
export const CARD_FILE = 'card.md';
/** Share of a model's symbols that must be served, where its universe counts. */
export const LEAST_UNIVERSE_SHARE = 0.8;

/** What a model must match to be served. */
export interface ServingExpectation {
  readonly featureSetHash: string;
  /** The symbols to be served, in canonical order; undefined where nobody knows them yet, so that any will do. */
  readonly universe: readonly SymbolId[] | undefined;
}

/** A model artefact that may not be served; `field` names what differs. Code MODEL_REFUSED, exit code 3. */
export class ModelRefusedError extends MinutehandError {
  readonly field: string;
  /** The artefact's folder, or the archive it came in. */
  readonly directory: string;

  constructor(directory: string, field: string, what: string, cause?: unknown) {
    super(
      'MODEL_REFUSED',
      `model ${directory} is refused: ${field}: ${what}`,
      'Fit the model again for what is served, or give one that matches.',
      { exitCode: 3, ...(cause === undefined ? {} : { cause }) },
    );
    this.name = 'ModelRefusedError';
    this.field = field;
    this.directory = directory;
  }
}

export interface CheckedArtefact {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly onnx: Uint8Array;
}

/**
 * Writes an artefact into a folder of its own below `parent`, named by its model id: first beside it, then renamed, so that a folder with
 * that name is always whole. Writing the same model again replaces it. Returns the folder.
 */
export async function writeArtefact(
  parent: string,
  artefact: { readonly manifest: Manifest; readonly onnx: Uint8Array; readonly card: string },
): Promise<string> {
  const files = new Map<string, string | Uint8Array>([
    [MODEL_FILE, artefact.onnx],
    [CARD_FILE, artefact.card],
    [MANIFEST_FILE, `${JSON.stringify(artefact.manifest, null, 2)}\n`],
  ]);
  return putFolder(join(parent, artefact.manifest.modelId), files);
}

/** Makes a folder of files appear by a rename, whole or not at all; one of that name is replaced. Returns the folder. */
export async function putFolder(directory: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<string> {
  const beside = join(dirname(directory), `.${basename(directory)}.${process.pid}.${++writings}`);
  const [temporary, former] = [`${beside}.writing`, `${beside}.former`];
  try {
    for (const left of [temporary, former]) await rm(left, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of files) await writeFile(join(temporary, name), content);
    for (;;) {
      const moved = await renameUnless(directory, former, 'ENOENT');
      // Where another has put its folder there meanwhile, that one is replaced in turn.
      const done = await renameUnless(temporary, directory, 'ENOTEMPTY');
      if (moved) await rm(former, { recursive: true, force: true });
      if (done) return directory;
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Renames; false where it fails in the way foreseen. */
async function renameUnless(from: string, to: string, foreseen: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === foreseen) return false;
    throw error;
  }
}

/** Folders this process has begun to write. */
let writings = 0;

/** The manifest of an artefact folder. @throws ModelRefusedError when there is none that can be read. */
export async function readManifest(directory: string): Promise<Manifest> {
  let text: string;
  try {
    text = await readFile(join(directory, MANIFEST_FILE), 'utf8');
  } catch (error) {
    throw new ModelRefusedError(directory, 'manifest', messageOf(error), error);
  }
  return parseManifest(directory, text);
}

/** The manifest that a text is. `origin` is where it came from. @throws ModelRefusedError when it is none. */
export function parseManifest(origin: string, text: string): Manifest {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new ModelRefusedError(origin, 'manifest', messageOf(error), error);
  }
  const parsed = manifestSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ModelRefusedError(origin, issue?.path.join('.') || 'manifest', issue?.message ?? 'not a manifest');
}

/**
 * Reads an artefact and checks everything that serving relies on.
 * @throws ModelRefusedError whose `field` names the first thing that differs: `featureSetHash`, `scaler`, `universe`, `weightsSha256`,
 * `model.onnx` (unreadable), `weights` (not finite), `outputs`, `modelId` (the manifest was changed) or a path in the manifest.
 */
export async function checkArtefact(directory: string, expected: ServingExpectation): Promise<CheckedArtefact> {
  const manifest = await readManifest(directory);
  checkManifest(directory, manifest, expected);
  return checkModel(directory, manifest, await readModelFile(directory));
}

/** The part of {@link checkArtefact} that needs the manifest alone. @throws ModelRefusedError */
export function checkManifest(origin: string, manifest: Manifest, expected: ServingExpectation): void {
  const refuse = refusing(origin);
  if (manifest.featureSetHash !== expected.featureSetHash) {
    throw refuse('featureSetHash', `trained on ${manifest.featureSetHash}, served are ${expected.featureSetHash}`);
  }
  checkScaler(manifest, refuse);
  const universe = universeDifference(manifest.universe, expected.universe);
  if (universe !== undefined) throw refuse('universe', universe);
}

/** The part of {@link checkArtefact} that needs the weights. @throws ModelRefusedError */
export function checkModel(origin: string, manifest: Manifest, onnx: Uint8Array): CheckedArtefact {
  const refuse = refusing(origin);
  const weights = sha256(onnx);
  if (weights !== manifest.weightsSha256) {
    throw refuse(
      'weightsSha256',
      `${MODEL_FILE} hashes to ${weights}, not ${manifest.weightsSha256} (truncated or changed)`,
    );
  }
  checkGraph(manifest, onnx, refuse);
  const modelId = modelIdOf(manifest);
  if (modelId !== manifest.modelId) throw refuse('modelId', `the manifest is that of ${modelId}: it was changed`);
  return { directory: origin, manifest, onnx };
}

/** Folders below `parent` that hold an artefact, by name; none where the folder does not exist. */
export async function artefactFolders(parent: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = (await readdir(parent, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  } catch {
    return [];
  }
  return entries.sort().map((name) => join(parent, name));
}

async function readModelFile(directory: string): Promise<Uint8Array> {
  try {
    return await readFile(join(directory, MODEL_FILE));
  } catch (error) {
    throw new ModelRefusedError(directory, MODEL_FILE, messageOf(error), error);
  }
}

/** Why a universe may not be served, or undefined. */
function universeDifference(
  trained: Manifest['universe'],
  served: readonly SymbolId[] | undefined,
): string | undefined {
  if (trained === 'any') return undefined;
  if (hashUniverse(trained.symbols) !== trained.hash) return 'its symbols do not match their own hash';
  if (served === undefined) return undefined;
  const known = new Set(trained.symbols);
  const foreign = served.filter((symbol) => !known.has(symbol));
  if (foreign.length > 0) {
    const shown = foreign.slice(0, 5).join(', ');
    return `not trained on ${foreign.length} of the symbols served (${shown}${foreign.length > 5 ? ', …' : ''})`;
  }
  const share = new Set(served).size / known.size;
  if (share >= LEAST_UNIVERSE_SHARE) return undefined;
  return `${served.length} of its ${known.size} symbols are served, fewer than ${LEAST_UNIVERSE_SHARE * 100} %`;
}

type Refuse = (field: string, what: string, cause?: unknown) => ModelRefusedError;

const refusing =
  (origin: string): Refuse =>
  (field, what, cause) =>
    new ModelRefusedError(origin, field, what, cause);

function checkScaler(manifest: Manifest, refuse: Refuse): void {
  const { scaler, featureSetHash, featureNames } = manifest;
  try {
    parseScaler(JSON.stringify(scaler));
  } catch (error) {
    throw refuse('scaler', messageOf(error), error);
  }
  if (scaler.featureSetHash !== featureSetHash) {
    throw refuse('scaler', `was fitted on ${scaler.featureSetHash}, the model on ${featureSetHash}`);
  }
  if (scaler.center.length !== featureNames.length) {
    throw refuse('scaler', `has ${scaler.center.length} columns for ${featureNames.length} features`);
  }
}

function checkGraph(manifest: Manifest, onnx: Uint8Array, refuse: Refuse): void {
  let graph: OnnxModelSummary;
  try {
    graph = readOnnxModel(onnx);
  } catch (error) {
    throw refuse(MODEL_FILE, `is no ONNX model: ${messageOf(error)}`, error);
  }
  if (graph.nonFinite.length > 0) throw refuse('weights', `not finite: ${graph.nonFinite.join(', ')}`);
  const inside = graph.metadata.get('feature_set_hash');
  if (inside !== manifest.featureSetHash) {
    throw refuse('featureSetHash', `${MODEL_FILE} says ${inside}, its manifest ${manifest.featureSetHash}`);
  }
  const [input] = graph.inputs;
  const { name, shape } = expectedInput(manifest, refuse);
  if (graph.inputs.length !== 1 || input?.name !== name || shape.some((size, axis) => input.shape[axis + 1] !== size)) {
    throw refuse(name, `the graph does not take ${name} of ${shape.join(' x ')}`);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const columns = new Set(manifest.outputs.flatMap((output) => output.columns));
  const missing = [
    ...manifest.outputs.map(({ name }) => name).filter((name) => !outputs.has(name)),
    ...FORECAST_OUTPUTS.filter((name) => !columns.has(name)),
  ];
  if (missing.length > 0) throw refuse('outputs', `missing ${missing.join(', ')}`);
}

/** The graph's input without its batch: one row of all features, or a window of the columns that are inputs. */
function expectedInput(manifest: Manifest, refuse: Refuse): { name: string; shape: readonly number[] } {
  const { kind, featureNames, network, scaler } = manifest;
  if (kind === 'linear-baseline') return { name: 'features', shape: [featureNames.length] };
  const inputs = featureNames.filter((_, column) => isModelInput(scaler, column)).length;
  if (!network) throw refuse('network', 'the manifest does not say its shape');
  if (network.shape.features !== inputs) {
    throw refuse('network', `takes ${network.shape.features} features, its scaler knows ${inputs} inputs`);
  }
  return { name: 'windows', shape: [network.shape.context, inputs] };
}
