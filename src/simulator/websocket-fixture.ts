import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';

interface Message {
  readonly [key: string]: unknown;
}

/** A plain socket that keeps what it hears. */
export interface Listener {
  readonly heard: Message[];
  /** Whether the connection has ended. */
  closed(): boolean;
  /** Closed bars heard: open times in order of arrival. */
  closedOpenTimes(symbol: string): number[];
  send(message: unknown): void;
  close(): void;
}

/** Opens a WebSocket by hand (RFC 6455): text frames of any length in, short masked ones out. @throws if refused. */
export async function listenTo(url: string, path: string): Promise<Listener> {
  const heard: Message[] = [];
  const socket = await upgrade(url + path);
  let closed = false;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = firstFrame(rest); frame; frame = firstFrame(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === 1) heard.push(JSON.parse(frame.text));
    }
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => socket.destroy());
  return {
    heard,
    closed: () => closed,
    closedOpenTimes: (symbol) =>
      heard.flatMap((message) => {
        const { e, s, k } = (message.data ?? message) as { e?: string; s?: string; k?: { t: number; x: boolean } };
        return e === 'kline' && s === symbol && k?.x ? [k.t] : [];
      }),
    send: (message) => socket.write(maskedText(typeof message === 'string' ? message : JSON.stringify(message))),
    close: () => socket.destroy(),
  };
}

function upgrade(url: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asking = request(url, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    asking.on('upgrade', (_response, socket: Socket, head) => {
      socket.unshift(head);
      resolve(socket);
    });
    asking.on('response', ({ statusCode }) => reject(new Error(`refused with ${statusCode}`)));
    asking.on('error', reject);
    asking.end();
  });
}

function firstFrame(bytes: Buffer): { opcode: number; text: string; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const header = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < header) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < header + length) return undefined;
  return {
    opcode: bytes.readUInt8(0) & 0x0f,
    text: bytes.toString('utf8', header, header + length),
    size: header + length,
  };
}

function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const header = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.alloc(4);
  if (payload.length >= 126) {
    header.writeUInt16BE(0x81fe, 0);
    header.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask.readUInt8(i % 4))]);
}
