// `npm start`: sets up what is missing, then runs `minutehand up` in this same process, so that a signal to npm reaches it.
import { setUp } from './setup.mjs';

if (await setUp()) {
  process.argv.splice(2, 0, 'up');
  await import('../bin/minutehand.js');
}
