import { tsImport } from 'tsx/esm/api';

const { useTestServer } = await tsImport('../../src/database/index.ts', import.meta.url);

/** The database server of the tests ends with the last run that uses it. */
export default useTestServer;
