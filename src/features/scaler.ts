import { createHash } from 'node:crypto';
import { z } from 'zod';
import { at32, at64, MinutehandError } from '../core/index.ts';

/**
 * `robust`: centre = median, scale = (95 % quantile - 5 % quantile) / 3.29, which is the standard deviation where values are normal.
 * `standard`: mean and standard deviation.
 */
export type ScalerKind = 'robust' | 'standard';

/** What the content of a scaler means; another meaning takes another version. */
export const SCALER_VERSION = 1;

/**
 * How features become model inputs: (value - center) / scale, held to ±clip; 0 where masked, and always where the feature is no input
 * (see {@link isModelInput}). Belongs to one feature set.
 */
export interface Scaler {
  readonly version: typeof SCALER_VERSION;
  readonly kind: ScalerKind;
  readonly featureSetHash: string;
  /** [width] */
  readonly center: readonly number[];
  /** [width], above 0. */
  readonly scale: readonly number[];
  /** [width] Share of the fitted rows that had a value, 0 to 1. */
  readonly knownShare: readonly number[];
  /** In units of scale. */
  readonly clip: number;
  /** sha256 (hex) of all of the above. */
  readonly hash: string;
}

export interface ScalerOptions {
  readonly kind: ScalerKind;
  readonly featureSetHash: string;
  readonly width: number;
  /** 8 by default. */
  readonly clip?: number;
  /** Rows of each block that belong to the training window, `[from, to)`; all by default. */
  readonly rows?: readonly [from: number, to: number];
  /** Above this many rows, evenly spaced ones stand for all. 200,000 by default. */
  readonly sampleRows?: number;
}

/** A feature known in a smaller share of the fitted rows is no model input: its gaps would teach more than its values. */
export const LEAST_KNOWN_SHARE = 0.8;

/** Whether a column reaches the model: it was known in at least 80 % of the rows that the scaler was fitted on. */
export const isModelInput = ({ knownShare }: Pick<Scaler, 'knownShare'>, column: number): boolean =>
  (knownShare[column] ?? 0) >= LEAST_KNOWN_SHARE;

/** 5 % and 95 % quantiles of a standard normal lie this far apart. */
const NORMAL_SPREAD = 3.289707253902945;

/**
 * Fits on row-major blocks [rows, width], such as one per symbol, NaN = masked. A column without any spread or value gets scale 1.
 * @throws MinutehandError SCALER_INVALID when a block is not whole rows
 */
export function fitScaler(blocks: Iterable<Float32Array>, options: ScalerOptions): Scaler {
  const { kind, featureSetHash, width, clip = 8, sampleRows = 200_000 } = options;
  const windows = [...blocks].map((values) => {
    if (values.length % width !== 0) throw invalid(`a block of ${values.length} values is not rows of ${width}`);
    const rows = values.length / width;
    const [from, to] = options.rows ?? [0, rows];
    return { values, from: Math.max(0, from), to: Math.min(rows, to) };
  });
  const total = windows.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  const stride = Math.max(1, Math.ceil(total / sampleRows));
  const column = new Float32Array(Math.ceil(total / stride) + windows.length);
  const center: number[] = [];
  const scale: number[] = [];
  const knownShare: number[] = [];
  for (let feature = 0; feature < width; feature++) {
    let known = 0;
    let seen = 0;
    for (const { values, from, to } of windows) {
      for (let row = from; row < to; row += stride) {
        seen++;
        const value = at32(values, row * width + feature);
        if (!Number.isNaN(value)) column[known++] = value;
      }
    }
    const fitted = kind === 'robust' ? fitQuantiles(column.subarray(0, known)) : fitMoments(column.subarray(0, known));
    center.push(fitted.center);
    scale.push(fitted.scale > 0 && Number.isFinite(fitted.scale) ? fitted.scale : 1);
    knownShare.push(seen === 0 ? 0 : known / seen);
  }
  return withHash({ version: SCALER_VERSION, kind, featureSetHash, center, scale, knownShare, clip });
}

/** Scales rows into `out`, [rows, width] each; 0 where `masked` is 1, and in columns that are no model input. */
export function applyScaler(values: Float32Array, masked: Uint8Array, scaler: Scaler, out: Float32Array): void {
  const { center, scale, clip } = scaler;
  const width = center.length;
  const isInput = center.map((_, column) => isModelInput(scaler, column));
  for (let at = 0; at < values.length; at += width) {
    for (let i = 0; i < width; i++) {
      const value = (at32(values, at + i) - (center[i] as number)) / (scale[i] as number);
      out[at + i] = masked[at + i] === 1 || !isInput[i] ? 0 : Math.max(-clip, Math.min(clip, value));
    }
  }
}

/** Scales the inputs of a model alone: of rows [rows, width] the given columns into `out`, [rows, columns]; 0 where a value is NaN. */
export function scaleColumns(
  values: Float32Array,
  columns: readonly number[],
  scaler: Scaler,
  out: Float32Array,
): void {
  const { center, scale, clip } = scaler;
  const middles = Float64Array.from(columns, (column) => center[column] as number);
  const units = Float64Array.from(columns, (column) => scale[column] as number);
  let to = 0;
  for (let row = 0; row < values.length; row += center.length) {
    for (let k = 0; k < columns.length; k++) {
      const value = at32(values, row + (columns[k] as number));
      const scaled = (value - at64(middles, k)) / at64(units, k);
      out[to++] = Number.isNaN(value) ? 0 : Math.max(-clip, Math.min(clip, scaled));
    }
  }
}

const scalerSchema = z.strictObject({
  version: z.literal(SCALER_VERSION),
  kind: z.enum(['robust', 'standard']),
  featureSetHash: z.string(),
  center: z.array(z.number()),
  scale: z.array(z.number().positive()),
  knownShare: z.array(z.number().min(0).max(1)),
  clip: z.number().positive(),
  hash: z.string(),
});

/**
 * Reads what JSON.stringify wrote of a scaler.
 * @throws MinutehandError SCALER_INVALID when it is no scaler, is of another version, or its content does not have its hash
 */
export function parseScaler(json: string): Scaler {
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch {
    throw invalid('it is not JSON');
  }
  const version = versionOf(content);
  if (version !== SCALER_VERSION) {
    throw invalid(
      `it has ${version === undefined ? 'no version' : `version ${version}`}, this program reads ${SCALER_VERSION}`,
    );
  }
  const parsed = scalerSchema.safeParse(content);
  if (!parsed.success)
    throw invalid(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const { hash, ...rest } = parsed.data;
  const { length } = rest.center;
  if (rest.scale.length !== length || rest.knownShare.length !== length) throw invalid('its columns differ in length');
  const scaler = withHash(rest);
  if (scaler.hash !== hash) throw invalid('its content was changed after it was fitted: the hash differs');
  return scaler;
}

function withHash(content: Omit<Scaler, 'hash'>): Scaler {
  const { version, kind, featureSetHash, center, scale, knownShare, clip } = content;
  const text = JSON.stringify({ version, kind, featureSetHash, center, scale, knownShare, clip });
  return { ...content, hash: createHash('sha256').update(text).digest('hex') };
}

const versionOf = (content: unknown): unknown =>
  typeof content === 'object' && content !== null && 'version' in content ? content.version : undefined;

function fitQuantiles(values: Float32Array): { center: number; scale: number } {
  if (values.length === 0) return { center: 0, scale: 1 };
  values.sort();
  const scale = (quantile(values, 0.95) - quantile(values, 0.05)) / NORMAL_SPREAD;
  return { center: quantile(values, 0.5), scale: scale > 0 ? scale : fitMoments(values).scale };
}

function fitMoments(values: Float32Array): { center: number; scale: number } {
  if (values.length === 0) return { center: 0, scale: 1 };
  let sum = 0;
  for (const value of values) sum += value;
  const center = sum / values.length;
  let square = 0;
  for (const value of values) square += (value - center) * (value - center);
  return { center, scale: Math.sqrt(square / values.length) };
}

/** Linear interpolation between order statistics. */
function quantile(sorted: Float32Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = at32(sorted, below);
  const high = at32(sorted, Math.min(below + 1, sorted.length - 1));
  return low + (high - low) * (position - below);
}

const invalid = (why: string) =>
  new MinutehandError('SCALER_INVALID', `the scaler cannot be used: ${why}`, 'Fit the model again.');
