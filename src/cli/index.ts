export { type CliContext, packageRoot, VERSION } from './context.ts';
export { runCli } from './main.ts';
