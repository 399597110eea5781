import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sha256 } from '../../model/index.ts';

/** Writes a value as JSON behind its hash, whole or not at all. */
export async function writeKept(path: string, value: object): Promise<void> {
  const text = JSON.stringify(value);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.writing`;
  await writeFile(temporary, `${sha256(text)}\n${text}\n`);
  await rename(temporary, path);
}

/** What {@link writeKept} wrote; undefined where there is nothing, or nothing whole. */
export async function readKept(path: string): Promise<unknown> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  const [hash, text, ...rest] = content.split('\n');
  if (text === undefined || rest.join('') !== '' || sha256(text) !== hash) return undefined;
  return JSON.parse(text);
}
