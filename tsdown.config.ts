import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { minutehand: 'src/cli/bin.ts', 'feature-worker': 'src/features/column-worker.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  dts: false,
  sourcemap: true,
  clean: true,
  // A constant of a module is looked at for whether it is set, each time it is read: as a variable it is not.
  outputOptions: { topLevelVar: true },
});
