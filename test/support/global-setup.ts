import { stopTestServer } from '../../src/database/index.ts';

/** Nothing runs on after the tests. */
export const teardown = stopTestServer;
