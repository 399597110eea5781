import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MinutehandError, silentLog } from '../core/index.ts';
import { inPipeline, inTransaction, openDatabase, redactUrl } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

describe('a connection', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
    await test.database.pool.query('CREATE TABLE items (item int PRIMARY KEY)');
  });
  afterAll(() => test.drop());

  const open = (url: string) => openDatabase({ url, applicationName: 'test', log: silentLog });
  async function refusal(url: string): Promise<MinutehandError> {
    const error: unknown = await open(url).catch((thrown: unknown) => thrown);
    if (!(error instanceof MinutehandError)) throw new Error('it was not refused');
    return error;
  }
  const changed = (change: (url: URL) => void) => {
    const url = new URL(test.url);
    change(url);
    return url.href;
  };

  it('reads epoch milliseconds as numbers and money as text', async () => {
    const { rows } = await test.database.pool.query("SELECT 1750000000000::int8 AS minute, '1.50'::numeric AS cash");
    expect(rows[0]).toEqual({ minute: 1_750_000_000_000, cash: '1.50' });
  });

  it('that is refused for its password says so without showing it', async () => {
    const error = await refusal(
      changed((url) => {
        url.password = 'open-sesame';
      }),
    );
    expect(error.code).toBe('DATABASE_REFUSED');
    expect(`${error.message} ${error.remedy}`).not.toContain('open-sesame');
  });

  it('to a database that does not exist names the remedy', async () => {
    const error = await refusal(
      changed((url) => {
        url.pathname = '/nowhere';
      }),
    );
    expect(error).toMatchObject({ code: 'DATABASE_REFUSED', remedy: expect.stringContaining('createdb') });
  });

  it('to a port where nobody listens is unreachable', async () => {
    const error = await refusal('postgresql://user:open-sesame@127.0.0.1:1/minutehand');
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 1 });
    expect(error.message).not.toContain('open-sesame');
  });

  it('to something that is no PostgreSQL is unreachable', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect((await refusal(`postgresql://user@127.0.0.1:${port}/x`)).code).toBe('DATABASE_UNREACHABLE');
    server.close();
  });

  it('to a server that is too old is refused by its version', async () => {
    const old = createServer(answerAsVersion13).listen(0, '127.0.0.1');
    await once(old, 'listening');
    const { port } = old.address() as AddressInfo;
    const error = await refusal(`postgresql://user@127.0.0.1:${port}/x`);
    old.close();
    expect(error).toMatchObject({ code: 'DATABASE_VERSION', message: expect.stringContaining('PostgreSQL 13') });
  });

  it('string that is none is wrong configuration, and is not repeated', async () => {
    for (const url of ['open-sesame', 'mysql://user:open-sesame@host/db', 'postgresql//user:open-sesame@host']) {
      const error = await refusal(url);
      expect(error).toMatchObject({ code: 'DATABASE_URL_INVALID', exitCode: 2 });
      expect(error.message).not.toContain('open-sesame');
    }
  });

  it('string is shown without its password', () => {
    expect(redactUrl('postgresql://me:secret@host:5432/db')).toBe('postgresql://me:***@host:5432/db');
    expect(redactUrl('postgres://me@host/db?password=secret')).toBe('postgres://me@host/db?password=***');
  });

  it('undoes a transaction whose work fails, and stays usable', async () => {
    const work = inTransaction(test.database, async (client) => {
      await client.query('INSERT INTO items VALUES (1)');
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect((await test.database.pool.query('SELECT FROM items')).rowCount).toBe(0);
  });

  it('undoes a pipeline of which one statement fails, and reports that one', async () => {
    const insert = (item: number) => ({ name: 'item', text: 'INSERT INTO items VALUES ($1)', values: [item] });
    await expect(inPipeline(test.database, [insert(1), insert(1), insert(2)])).rejects.toThrow(/duplicate key/);
    expect((await test.database.pool.query('SELECT FROM items')).rowCount).toBe(0);
    await inPipeline(test.database, [insert(1), insert(2)]);
    expect((await test.database.pool.query('SELECT FROM items')).rowCount).toBe(2);
  });

  it('ends the transaction of a process that stands still, which goes on without it', async () => {
    const lock = { name: 'lock', text: 'SELECT pg_advisory_xact_lock(1)', values: [] };
    const insert = { name: 'item', text: 'INSERT INTO items VALUES ($1)', values: [9] };
    const proceed = () => {
      // As when the process is stopped: nothing runs here meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500);
      return true;
    };
    await expect(inPipeline(test.database, [insert], { statement: lock, proceed })).rejects.toThrow();
    expect((await test.database.pool.query('SELECT pg_try_advisory_lock(1) AS free')).rows).toEqual([{ free: true }]);
    await inPipeline(test.database, [insert]);
    expect((await test.database.pool.query('SELECT FROM items WHERE item = 9')).rowCount).toBe(1);
  });

  it('can be closed more than once', async () => {
    const database = await open(test.url);
    await Promise.all([database.close(), database.close()]);
  });
});

/** The least of the protocol: anyone may connect, and each query is answered by the version. */
function answerAsVersion13(socket: Socket): void {
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const message = (type: string, body: Buffer) => Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
  const ready = message('Z', Buffer.from('I'));
  const description = Buffer.from(
    `0001${Buffer.from('version\0').toString('hex')}000000000000000000190000ffffffff0000`,
    'hex',
  );
  const version = Buffer.from('130011');
  let greeted = false;
  socket.on('error', () => {});
  socket.on('data', (data) => {
    if (!greeted) {
      greeted = true;
      socket.write(Buffer.concat([message('R', int32(0)), ready]));
    } else if (data[0] === 'Q'.charCodeAt(0)) {
      const row = Buffer.concat([Buffer.from([0, 1]), int32(version.length), version]);
      const answer = [message('T', description), message('D', row), message('C', Buffer.from('SELECT 1\0')), ready];
      socket.write(Buffer.concat(answer));
    }
  });
}
