// `npm start`: sets up what is missing, then runs `minutehand up` in this same process, so that a signal to npm reaches it.
import { setUp } from './setup.mjs';

if (await setUp()) {
  // npm runs scripts in the package's folder; relative paths mean the one it was called from.
  process.env.MINUTEHAND_INVOKED_FROM = process.env.INIT_CWD ?? process.cwd();
  process.argv.splice(2, 0, 'up');
  await import('../bin/minutehand.js');
}
