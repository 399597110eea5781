import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FORECAST_OUTPUTS, MinutehandError, messageOf, type SymbolId } from '../core/index.ts';
import { parseScaler } from '../features/index.ts';
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
  /** The symbols to be served, in canonical order. */
  readonly universe: readonly SymbolId[];
}

/** A model artefact that may not be served; `field` names what differs. Code MODEL_REFUSED, exit code 3. */
export class ModelRefusedError extends MinutehandError {
  readonly field: string;
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
  const directory = join(parent, artefact.manifest.modelId);
  const temporary = join(parent, `.${artefact.manifest.modelId}.${process.pid}.writing`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  await writeFile(join(temporary, MODEL_FILE), artefact.onnx);
  await writeFile(join(temporary, CARD_FILE), artefact.card);
  await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(artefact.manifest, null, 2)}\n`);
  await rm(directory, { recursive: true, force: true });
  await rename(temporary, directory);
  return directory;
}

/** The manifest of an artefact folder. @throws ModelRefusedError when there is none that can be read. */
export async function readManifest(directory: string): Promise<Manifest> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(join(directory, MANIFEST_FILE), 'utf8'));
  } catch (error) {
    throw new ModelRefusedError(directory, 'manifest', messageOf(error), error);
  }
  const parsed = manifestSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ModelRefusedError(directory, issue?.path.join('.') || 'manifest', issue?.message ?? 'not a manifest');
}

/**
 * Reads an artefact and checks everything that serving relies on.
 * @throws ModelRefusedError whose `field` names the first thing that differs: `featureSetHash`, `scaler`, `universe`, `weightsSha256`,
 * `model.onnx` (unreadable), `weights` (not finite), `outputs`, `modelId` (the manifest was changed) or a path in the manifest.
 */
export async function checkArtefact(directory: string, expected: ServingExpectation): Promise<CheckedArtefact> {
  const manifest = await readManifest(directory);
  const refuse: Refuse = (field, what, cause) => new ModelRefusedError(directory, field, what, cause);
  if (manifest.featureSetHash !== expected.featureSetHash) {
    throw refuse('featureSetHash', `trained on ${manifest.featureSetHash}, served are ${expected.featureSetHash}`);
  }
  checkScaler(manifest, refuse);
  const universe = universeDifference(manifest.universe, expected.universe);
  if (universe !== undefined) throw refuse('universe', universe);
  const onnx = await readModelFile(directory);
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
  return { directory, manifest, onnx };
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
function universeDifference(trained: Manifest['universe'], served: readonly SymbolId[]): string | undefined {
  if (trained === 'any') return undefined;
  if (hashUniverse(trained.symbols) !== trained.hash) return 'its symbols do not match their own hash';
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
  if (graph.inputs.length !== 1 || input?.name !== 'features' || input.shape[1] !== manifest.featureNames.length) {
    throw refuse('features', `the graph does not take features of width ${manifest.featureNames.length}`);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const columns = new Set(manifest.outputs.flatMap((output) => output.columns));
  const missing = [
    ...manifest.outputs.map(({ name }) => name).filter((name) => !outputs.has(name)),
    ...FORECAST_OUTPUTS.filter((name) => !columns.has(name)),
  ];
  if (missing.length > 0) throw refuse('outputs', `missing ${missing.join(', ')}`);
}
