import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { minutehand: 'src/cli/bin.ts', 'feature-worker': 'src/features/column-worker.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  dts: false,
  sourcemap: true,
  clean: true,
  // Packages of many small modules: in the file of the program they load in a third of the time.
  deps: { alwaysBundle: [/^(zod|drizzle-orm|@bufbuild\/protobuf)($|\/)/] },
  // A constant of a module is looked at for whether it is set, each time it is read: as a variable it is not.
  outputOptions: { topLevelVar: true },
});
