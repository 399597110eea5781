// A folder imports only from those that stand before it in this list; `npm run layers` holds that.
const layers = [
  'core',
  'html',
  'config',
  'database',
  'cache',
  'marketfiles',
  'matching',
  'data',
  'features',
  'tensor',
  'model',
  'signals',
  'trading',
  'strategies',
  'engine',
  'backtest',
  'lifecycle',
  'monitoring',
  'simulator',
  'api',
  'mcp',
  'cli',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'tensor-knows-no-markets',
      severity: 'error',
      from: { path: '^src/tensor/' },
      to: { path: '^src/', pathNot: '^src/(tensor|core)/' },
    },
    ...layers.map((layer, index) => ({
      name: `layer-${layer}`,
      severity: 'error',
      from: { path: `^src/${layer}/`, pathNot: '\\.test\\.ts$' },
      to: { path: `^src/(${layers.slice(index + 1).join('|') || 'none'})/` },
    })),
    {
      name: 'front-door',
      comment: "A folder's index.ts is its front door: others import only from there.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: '^src/($1/|[^/]+/index\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
