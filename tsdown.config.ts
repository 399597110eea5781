import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { defineConfig } from 'tsdown';

/** The licences of the packages that are part of the program's file, as they ask for; Drizzle's is the program's own. */
function writeNotices(): void {
  const packageFile = (path: string) => readFileSync(`node_modules/${path}`, 'utf8');
  const [google = ''] = packageFile('@bufbuild/protobuf/dist/esm/wire/varint.js').split('/**');
  const notices = [
    ['zod', packageFile('zod/LICENSE')],
    ['drizzle-orm', 'Apache-2.0: see LICENSE.\n'],
    ['@bufbuild/protobuf', `Apache-2.0: see LICENSE. Parts of it:\n\n${google.replace(/^\/\/ ?/gm, '')}`],
  ];
  mkdirSync('dist', { recursive: true });
  writeFileSync('dist/THIRD-PARTY.txt', notices.map(([name, text]) => `${name}\n\n${text}`).join('\n----\n\n'));
}

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
  onSuccess: writeNotices,
  // A constant of a module is looked at for whether it is set, each time it is read: as a variable it is not.
  outputOptions: { topLevelVar: true },
});
