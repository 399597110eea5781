import { DURATION_PATTERN, durationMs } from './duration.ts';
import type { KeyNode } from './keys.ts';
import type { Unit } from './schema-parts.ts';

/** A value as it stood in the file, shortened. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** What to write instead of a wrong value: where a unit or a notation was meant, the very text. */
export function remedyFor(node: KeyNode | undefined, value: unknown, expectation: string): string {
  if (node?.kind === 'value') {
    const { unit } = node.traits;
    const isNumeric = node.json.type === 'integer' || node.json.type === 'number';
    if (unit === 'fraction' && typeof value === 'number' && value > 1 && value <= 100) {
      return `it is a share of 1: write ${rounded(value / 100)} for ${value} %`;
    }
    if (isNumeric && typeof value === 'string') return numberFromText(value, unit) ?? `write ${expectation}`;
    if (node.json.type === 'boolean') {
      if (/^(yes|on|1)$/i.test(String(value))) return 'write true';
      if (/^(no|off|0)$/i.test(String(value))) return 'write false';
    }
    if (expectation.startsWith('a duration') && typeof value === 'number') {
      return `add the unit: ${value}s, ${value}m or ${value}h`;
    }
  }
  return `write ${expectation}`;
}

const MILLISECONDS: Partial<Record<Unit, number>> = {
  milliseconds: 1,
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
};

function numberFromText(text: string, unit: Unit | undefined): string | undefined {
  const plain = text.trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(plain)) return `write ${plain} without quotes`;
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(plain);
  if (percent && unit === 'fraction') return `it is a share of 1: write ${rounded(Number(percent[1]) / 100)}`;
  if (percent && unit === 'basis points') return `it counts basis points: write ${rounded(Number(percent[1]) * 100)}`;
  const unitMs = unit && MILLISECONDS[unit];
  if (unitMs !== undefined && DURATION_PATTERN.test(plain)) {
    return `it counts ${unit}: write ${rounded(durationMs(plain) / unitMs)}`;
  }
  const digits = /^(\d+(?:\.\d+)?)\s*[a-z]+\.?$/i.exec(plain);
  return digits && unit ? `it counts ${unit}: write the number alone, such as ${digits[1]}` : undefined;
}

const rounded = (value: number): number => Number(value.toPrecision(10));
