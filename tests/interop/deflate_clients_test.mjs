#!/usr/bin/env node
// The echo server with compression, spoken to by npm ws and by Chromium, and heard on the wire.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Client, Program } from './support/program.mjs';
import { allCompressed, compressible, incompressible, Tap } from './support/tap.mjs';
import { runAll, test } from './support/cases.mjs';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const backends = ['examples/echo_server', 'tests/interop/echo_server_zlib'];
const flags = ['--deflate', '--takeover', '--frugal-takeover'];
const refers = (flag) => flag !== '--deflate';
const start = (context, backend, ...its) => Program.start(context, backend, '--port', '0', ...its);
const sizeOf = (messages) => messages.reduce((sum, message) => sum + Buffer.byteLength(message), 0);

const terms = {
  'any terms': {},
  'takeover refused': { serverNoContextTakeover: true, clientNoContextTakeover: true },
  'small windows': { serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
};

for (const backend of backends) {
  for (const flag of flags) {
    for (const [name, its] of Object.entries(terms)) {
      test(`ws, ${name}: ${backend} ${flag}`, async (context) => {
        const server = await start(context, backend, flag);
        const tap = await Tap.start(context, server.port);
        const perMessageDeflate = { threshold: 0, ...its };
        const client = await Client.open(context, `${tap.ws}/echo`, [], { perMessageDeflate });
        const messages = compressible();
        for (const message of messages) assert.deepEqual(await client.echo(message), message);
        for (const [index, piece] of ['fragments ', '', 'of one, '.repeat(50)].entries()) {
          client.send(piece, { fin: index === 2 });
          client.socket.ping('between');
        }
        const fragmented = `fragments ${'of one, '.repeat(50)}`;
        assert.equal(await client.next(), fragmented);
        assert.equal((await client.close(1000)).code, 1000);

        const [wire] = tap.webSockets();
        assert.match(wire.answer, /^permessage-deflate/);
        for (const frames of [wire.sent, wire.answered]) {
          const bytes = allCompressed(frames, messages.length + 1);
          assert.ok(bytes < sizeOf(messages) / 3, `${bytes} bytes`);
        }
        // The same text a second time: whether it may be referred to shows.
        const [, , first, second] = wire.answered;
        const takeover = refers(flag) && !its.serverNoContextTakeover;
        if (takeover && !its.serverMaxWindowBits) assert.ok(second.size < first.size / 5, `${second.size}`);
        if (!takeover) assert.equal(second.size, first.size);
      });
    }
  }
}

test('ws: what does not get shorter is sent as it is', async (context) => {
  const server = await start(context, backends[0], '--deflate');
  const tap = await Tap.start(context, server.port);
  const client = await Client.open(context, `${tap.ws}/echo`, [], { perMessageDeflate: true });
  assert.deepEqual(await client.echo(incompressible), incompressible);
  const [wire] = tap.webSockets();
  assert.deepEqual(wire.answered, [{ opcode: 2, rsv: 0, size: incompressible.length }]);
});

test('ws: a client that does not offer is sent nothing compressed', async (context) => {
  const server = await start(context, backends[0], '--deflate');
  const tap = await Tap.start(context, server.port);
  const client = await Client.open(context, `${tap.ws}/echo`);
  const message = 'tide '.repeat(1000);
  assert.equal(await client.echo(message), message);
  const [wire] = tap.webSockets();
  assert.equal(wire.answer, undefined);
  assert.deepEqual(wire.answered, [{ opcode: 1, rsv: 0, size: message.length }]);
});

test('ws: a broadcast reaches those who compress, and those who do not', async (context) => {
  const server = await start(context, backends[0], '--takeover');
  const with_ = { perMessageDeflate: { threshold: 0 } };
  const clients = [
    await Client.open(context, `${server.ws}/broadcast`, [], with_),
    await Client.open(context, `${server.ws}/broadcast`),
    await Client.open(context, `${server.ws}/broadcast`, [], with_),
  ];
  for (const [index, message] of compressible().entries()) {
    clients[index % clients.length].send(message);
    for (const client of clients) assert.deepEqual(await client.next(), message);
  }
});

// In the page: opens a connection, echoes each message, and tells what came back and what was agreed.
async function echoInPage({ url, messages }) {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  await new Promise((done, failed) => {
    socket.onopen = done;
    socket.onerror = () => failed(new Error('no connection'));
  });
  const replies = [];
  for (const { text, bytes } of messages) {
    const reply = new Promise((done, failed) => {
      socket.onmessage = (event) => done(event.data);
      socket.onclose = (event) => failed(new Error(`closed with ${event.code}`));
    });
    socket.send(text ?? new Uint8Array(bytes));
    const got = await reply;
    replies.push(typeof got === 'string' ? { text: got } : { bytes: [...new Uint8Array(got)] });
  }
  const closed = new Promise((done) => (socket.onclose = (event) => done(event.code)));
  socket.close(1000);
  return { extensions: socket.extensions, replies, code: await closed };
}

test('Chromium, with either back end and with and without takeover', async (context) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
  });
  context.later(() => browser.close());
  const page = await browser.newPage();
  const messages = compressible().map((each) => (typeof each === 'string' ? { text: each } : { bytes: [...each] }));
  for (const backend of backends) {
    for (const flag of flags) {
      const server = await start(context, backend, flag);
      const tap = await Tap.start(context, server.port);
      // A page of the server's own origin.
      await page.goto(`${tap.http}/plaintext`);
      const said = await page.evaluate(echoInPage, { url: `${tap.ws}/echo`, messages });
      assert.match(said.extensions, /^permessage-deflate/);
      assert.deepEqual(said.replies, messages);
      assert.equal(said.code, 1000);
      const [wire] = tap.webSockets();
      assert.equal(wire.offer, 'permessage-deflate; client_max_window_bits');
      for (const frames of [wire.sent, wire.answered]) {
        assert.ok(allCompressed(frames, messages.length) < sizeOf(compressible()) / 3);
      }
      const [, , first, second] = wire.answered;
      assert.equal(second.size < first.size / 5, refers(flag), `${first.size}, ${second.size}`);
    }
  }
});

await runAll();
