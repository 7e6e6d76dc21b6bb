// Passes bytes between clients and a server on, and keeps them: what is asserted of frames is asserted of the wire.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { randomBytes } from 'node:crypto';

const data = [1, 2];

// The frames of a stream behind its head: opcode, RSV1, and the size of the payload.
function framesIn(bytes) {
  const frames = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  assert.ok(at >= 4, 'no head');
  while (bytes.length - at >= 2) {
    const masked = (bytes[at + 1] & 0x80) !== 0;
    let size = bytes[at + 1] & 0x7f;
    let head = 2;
    if (size === 126) {
      size = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (size === 127) {
      size = Number(bytes.readBigUInt64BE(at + 2));
      head = 10;
    }
    frames.push({ opcode: bytes[at] & 0x0f, rsv: bytes[at] & 0x70, size });
    at += head + (masked ? 4 : 0) + size;
  }
  return frames;
}

export class Tap {
  #connections = [];

  // Listens on a port of its own; it ends with the case.
  static async start({ later }, port) {
    const tap = new Tap();
    const server = createServer((client) => tap.#serve(client, port));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    later(() => server.close());
    tap.port = server.address().port;
    tap.http = `http://127.0.0.1:${tap.port}`;
    tap.ws = `ws://127.0.0.1:${tap.port}`;
    return tap;
  }

  #serve(client, port) {
    const kept = { sent: [], answered: [] };
    this.#connections.push(kept);
    const server = connect({ port, host: '127.0.0.1' });
    const pass = (from, to, pieces) => {
      from.on('data', (bytes) => {
        pieces.push(bytes);
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
    };
    pass(client, server, kept.sent);
    pass(server, client, kept.answered);
  }

  // Of the WebSocket connections, each one's heads, frames of the client's and frames of the server's.
  webSockets() {
    return this.#connections
      .map(({ sent, answered }) => ({ sent: Buffer.concat(sent), answered: Buffer.concat(answered) }))
      .filter(({ sent }) => /^upgrade: websocket/im.test(sent.toString('latin1')))
      .map(({ sent, answered }) => ({
        offer: /^sec-websocket-extensions: (.*)\r$/im.exec(sent.toString('latin1'))?.[1],
        answer: /^sec-websocket-extensions: (.*)\r$/im.exec(answered.toString('latin1'))?.[1],
        sent: framesIn(sent),
        answered: framesIn(answered),
      }));
  }
}

// What is worth compressing, of several kinds and sizes; the same each time.
export function compressible() {
  const records = (count) =>
    JSON.stringify(Array.from({ length: count }, (_, id) => ({ id, name: `name ${id % 7}`, at: (id * 7919) % 1000 })));
  return ['ü梅🌊 '.repeat(40), ...[2, 20, 20, 200, 2000].map(records), Buffer.alloc(5000, 'tide ')];
}

export const incompressible = randomBytes(3000);

// Whether all messages of these frames had RSV1, and nothing else had; how many bytes they were.
export function allCompressed(frames, count) {
  const messages = frames.filter(({ opcode }) => data.includes(opcode));
  assert.equal(messages.length, count);
  for (const { rsv } of messages) assert.equal(rsv, 0x40);
  for (const { opcode, rsv } of frames) if (!data.includes(opcode)) assert.equal(rsv, 0);
  return frames.filter(({ opcode }) => opcode <= 2).reduce((sum, { size }) => sum + size, 0);
}
