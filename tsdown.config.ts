import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { minutehand: 'src/cli/bin.ts', 'feature-worker': 'src/features/column-worker.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  dts: false,
  sourcemap: true,
  clean: true,
});
