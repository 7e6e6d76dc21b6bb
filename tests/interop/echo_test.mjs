#!/usr/bin/env node
// The echo server, spoken to by npm ws.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Client, Program, refusal } from './support/program.mjs';
import { runAll, test } from './support/cases.mjs';

const mebibyte = 1 << 20;
const echo = async (context, ...flags) => Program.start(context, 'examples/echo_server', '--port', '0', ...flags);
const sizes = [0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, 300_000, mebibyte];

test('binary messages of every kind of length come back', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  for (const size of sizes) {
    const message = randomBytes(size);
    assert.ok((await client.echo(message)).equals(message), `${size} bytes`);
  }
});

test('text of every kind of length comes back as text', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  for (const size of sizes) {
    const message = 'aü梅🌊'.repeat(Math.floor(size / 10)) + 'x'.repeat(size % 10);
    assert.equal(Buffer.byteLength(message), size);
    assert.equal(await client.echo(message), message);
  }
});

test('a message over the limit closes with 1009', async (context) => {
  const server = await echo(context);
  for (const message of [randomBytes(mebibyte + 1), 'x'.repeat(mebibyte + 1)]) {
    const client = await Client.open(context, `${server.ws}/echo`);
    client.send(message);
    assert.equal((await client.closed).code, 1009);
  }
});

test('--max-message-size moves the limit', async (context) => {
  const server = await echo(context, '--max-message-size', '2097152');
  const client = await Client.open(context, `${server.ws}/echo`);
  const message = randomBytes(2 * mebibyte);
  assert.ok((await client.echo(message)).equals(message));
  client.send(randomBytes(2 * mebibyte + 1));
  assert.equal((await client.closed).code, 1009);
});

test('fragments become one message, with pings between them', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  const pongs = [];
  client.socket.on('pong', (data) => pongs.push(String(data)));
  for (const [index, piece] of ['one ', '', 'tw', 'o ', 'three'].entries()) {
    client.send(piece, { fin: index === 4 });
    client.socket.ping(`ping ${index}`);
  }
  assert.equal(await client.next(), 'one two three');
  assert.equal(await client.echo('after'), 'after');
  assert.deepEqual(pongs, ['ping 0', 'ping 1', 'ping 2', 'ping 3', 'ping 4']);
});

test('a text cut within a character is whole again', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  const bytes = Buffer.from('🌊🌊');
  for (let at = 0; at < bytes.length; ++at) {
    client.send(bytes.subarray(at, at + 1), { fin: at === bytes.length - 1, binary: false });
  }
  assert.equal(await client.next(), '🌊🌊');
});

test('fragments over the limit together close with 1009', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  for (let i = 0; i < 17; ++i) client.send(randomBytes(65536), { fin: i === 16 });
  assert.equal((await client.closed).code, 1009);
});

test('a ping of 0 to 125 bytes is answered with its payload', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  for (const size of [0, 1, 125]) {
    const payload = randomBytes(size);
    const pong = new Promise((done) => client.socket.once('pong', done));
    client.socket.ping(payload);
    assert.ok((await pong).equals(payload));
  }
});

test("the client's close code comes back", async (context) => {
  const server = await echo(context);
  for (const code of [1000, 1001, 1003, 1007, 1008, 1011, 1012, 1013, 1014, 3000, 4999]) {
    const client = await Client.open(context, `${server.ws}/echo`);
    assert.equal((await client.close(code, 'a reason')).code, code);
  }
  const client = await Client.open(context, `${server.ws}/echo`);
  assert.equal((await client.close()).code, 1005);
});

test('what was sent before a Close is echoed before its answer', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  const received = [];
  client.socket.on('message', (data) => received.push(String(data)));
  for (let i = 0; i < 100; ++i) client.send(`message ${i}`);
  assert.equal((await client.close(1000)).code, 1000);
  assert.equal(received.length, 100);
  assert.equal(received[99], 'message 99');
});

test('text that is not UTF-8 closes with 1007, and nobody else notices', async (context) => {
  const server = await echo(context);
  const other = await Client.open(context, `${server.ws}/echo`);
  const client = await Client.open(context, `${server.ws}/echo`);
  client.send(Buffer.from([0xc3, 0x28]), { binary: false });
  assert.equal((await client.closed).code, 1007);
  assert.equal(await other.echo('still here'), 'still here');
});

test('an unmasked frame closes with 1002', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  client.send('not masked', { mask: false });
  assert.equal((await client.closed).code, 1002);
});

test('no subprotocol is chosen, so a client that needs one fails', async (context) => {
  const server = await echo(context);
  const client = new Client(`${server.ws}/echo`, ['chat', 'superchat']);
  await assert.rejects(client.opened, /subprotocol/);
});

test('permessage-deflate is offered and not negotiated', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`, [], { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
  assert.equal(await client.echo('plain '.repeat(1000)), 'plain '.repeat(1000));
});

test('a hundred connections at once each get their own messages', async (context) => {
  const server = await echo(context);
  const clients = await Promise.all(Array.from({ length: 100 }, () => Client.open(context, `${server.ws}/echo`)));
  await Promise.all(
    clients.map(async (client, index) => {
      for (let round = 0; round < 20; ++round) {
        const message = `${index}:${round}:${'x'.repeat(index * 7)}`;
        assert.equal(await client.echo(message), message);
      }
    }),
  );
});

test('bursts of messages come back in order', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  for (let burst = 0; burst < 5; ++burst) {
    const sent = Array.from({ length: 2000 }, (_, i) => `${burst}.${i}.${'y'.repeat((i * 31) % 300)}`);
    client.socket._socket.cork();
    for (const message of sent) client.send(message);
    client.socket._socket.uncork();
    for (const message of sent) assert.equal(await client.next(), message);
  }
});

test('a broadcast reaches everyone, the sender too', async (context) => {
  const server = await echo(context);
  const clients = await Promise.all(Array.from({ length: 5 }, () => Client.open(context, `${server.ws}/broadcast`)));
  clients[0].send('to all');
  for (const client of clients) assert.equal(await client.next(), 'to all');
});

test('pages of other origins are refused with 403, the own and those without one are not', async (context) => {
  const server = await echo(context);
  assert.equal((await refusal(`${server.ws}/echo`, { origin: 'https://elsewhere.example' })).status, 403);
  assert.equal((await refusal(`${server.ws}/echo`, { origin: 'null' })).status, 403);
  const client = await Client.open(context, `${server.ws}/echo`, [], { origin: server.http });
  assert.equal(await client.echo('same origin'), 'same origin');
});

test('another version is answered with 426 and 13, another path with 404', async (context) => {
  const server = await echo(context);
  const answer = await refusal(`${server.ws}/echo`, { protocolVersion: 8 });
  assert.deepEqual([answer.status, answer.headers['sec-websocket-version']], [426, '13']);
  assert.equal((await refusal(`${server.ws}/elsewhere`)).status, 404);
});

test('SIGTERM closes with 1001, and the process ends with 0', async (context) => {
  const server = await echo(context);
  const client = await Client.open(context, `${server.ws}/echo`);
  assert.equal(await client.echo('hello'), 'hello');
  const ended = server.terminate();
  assert.equal((await client.closed).code, 1001);
  assert.deepEqual(await ended, { status: 0, signal: null });
  assert.match(server.output, /^echo_server has finished$/m);
});

await runAll();
