import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { featureSet } from '../features/index.ts';
import { artefactFolders, CARD_FILE, checkArtefact, MANIFEST_FILE, MODEL_FILE } from './artefact.ts';
import { modelCard } from './card.ts';
import { probeArtefact } from './predictor.ts';

const MODELS = join(import.meta.dirname, '..', '..', 'models');
const MOST_BYTES = 40 * 2 ** 20;
/** What they may know, and what they are judged on (docs/model.md). */
const LAST_KNOWN = Date.UTC(2025, 4, 1);
const LAST_JUDGED = Date.UTC(2025, 6, 1);

describe('the packaged models', async () => {
  const folders = await artefactFolders(MODELS);

  it('are one of each kind, and small', () => {
    expect(folders.map((folder) => folder.slice(MODELS.length + 1).replace(/-[0-9a-f]+$/, ''))).toEqual([
      'linear-baseline',
      'unified-patchtst',
    ]);
    const files = folders.flatMap((folder) => [MODEL_FILE, MANIFEST_FILE, CARD_FILE].map((name) => join(folder, name)));
    expect(files.reduce((total, file) => total + statSync(file).size, 0)).toBeLessThan(MOST_BYTES);
  });

  it.each(folders)('%s may serve with the features of today', async (folder) => {
    // Where this fails because a feature changed, make them again with the commands of their cards.
    const artefact = await checkArtefact(folder, { featureSetHash: featureSet().hash, universe: undefined });
    await probeArtefact(artefact);
    const { manifest } = artefact;
    expect(await readFile(join(folder, CARD_FILE), 'utf8')).toBe(modelCard(manifest));
    expect(manifest.windows.calibration.to).toBeLessThanOrEqual(LAST_KNOWN);
    expect(manifest.windows.test.from).toBeGreaterThanOrEqual(LAST_KNOWN);
    expect(manifest.windows.test.to).toBeLessThanOrEqual(LAST_JUDGED);
    expect(manifest.provenance.command).toContain('minutehand model train --data DIR');
    expect(manifest.metrics.inSample).toBe(false);
  });
});
