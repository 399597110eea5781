import { useTestServer } from '../../src/database/index.ts';

/** The database server of the tests ends with the last run that uses it. */
export default useTestServer;
