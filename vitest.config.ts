import { defineConfig } from 'vitest/config';

// Node.js loads the modules, with tsx for TypeScript: Vitest's own loader makes a lookup of each use of an import, which slows
// loops over bars down seven times. Coverage needs that loader on Node.js 20.
const isCounting = process.argv.includes('--coverage');

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Minutes each: `npm run test:long` sets the variable.
    exclude: process.env.MINUTEHAND_TEST_LONG ? [] : ['test/long/**'],
    globalSetup: ['test/support/global-setup.mjs'],
    setupFiles: isCounting ? [] : ['test/support/setup.mjs'],
    experimental: { viteModuleRunner: isCounting, nodeLoader: false },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // No test changes a module or the environment for others, and loading them anew for each file takes as long as a fifth of the tests.
    isolate: false,
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/*_pb.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 85 },
    },
  },
});
