#!/usr/bin/env node
// The binary: builds `dist/` if it is missing or older than the sources, then hands over.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

if (process.env.MINUTEHAND_BUILT !== '1') {
  if (existsSync(fileURLToPath(new URL('../scripts/setup.mjs', import.meta.url)))) {
    const { build } = await import('../scripts/setup.mjs');
    if (!(await build())) process.exit(0);
  }
  // Child processes start from what is built now, even if a source changes meanwhile.
  process.env.MINUTEHAND_BUILT = '1';
}
await import('../dist/minutehand.mjs');
