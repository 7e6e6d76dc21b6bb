#!/usr/bin/env node
// The programs that the documents quote do what the documents say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Program, refusal, root } from './support/program.mjs';
import { runAll, test, until } from './support/cases.mjs';

const start = (context, name, ...flags) => Program.start(context, `examples/docs/${name}`, '127.0.0.1:0', ...flags);

async function ends(server) {
  assert.deepEqual(await server.terminate(), { status: 0, signal: null });
}

test('tutorial: a message goes to all in its room, and SIGTERM says goodbye', async (context) => {
  const server = await start(context, 'broadcast');
  const ana = await Client.open(context, `${server.ws}/rooms/harbour`);
  const bo = await Client.open(context, `${server.ws}/rooms/harbour`);
  const cy = await Client.open(context, `${server.ws}/rooms/tower`);
  cy.send('high up');
  assert.equal(await cy.next(), 'high up');
  ana.send('ahoy');
  assert.equal(await ana.next(), 'ahoy');
  assert.equal(await bo.next(), 'ahoy');
  assert.equal(await cy.echo('alone here'), 'alone here');
  const ended = ends(server);
  for (const each of [ana, bo, cy]) assert.equal((await each.closed).code, 1001);
  await ended;
});

test('tutorial: a page of the same origin may connect, one of localhost may not', async (context) => {
  const server = await start(context, 'broadcast');
  assert.equal((await fetch(server.http)).status, 404);
  await Client.open(context, `${server.ws}/rooms/harbour`, [], { origin: server.http });
  for (const origin of [`http://localhost:${server.port}`, 'null']) {
    assert.equal((await refusal(`${server.ws}/rooms/harbour`, { origin })).status, 403, origin);
  }
});

test('tutorial: an address that is taken is one line and status 1', async (context) => {
  const first = await start(context, 'broadcast');
  const second = new Program('examples/docs/broadcast', [`127.0.0.1:${first.port}`]);
  assert.equal((await second.ended).status, 1);
  assert.equal(second.errors, `broadcast: listen on 127.0.0.1:${first.port}: Address already in use\n`);
});

test('handlers: each connection has its own, and they share what they depend on', async (context) => {
  const server = await start(context, 'handlers');
  const first = await Client.open(context, `${server.ws}/desks/post`);
  assert.equal(await first.next(), 'You are number 1 at this desk.');
  const second = await Client.open(context, `${server.ws}/small/post`);
  assert.equal(await second.next(), 'You are number 2 at this desk.');
  const other = await Client.open(context, `${server.ws}/desks/bank`);
  assert.equal(await other.next(), 'You are number 1 at this desk.');
  second.send('x'.repeat(1025));
  assert.equal((await second.closed).code, 1009);
  const third = await Client.open(context, `${server.ws}/desks/post`);
  assert.equal(await third.next(), 'You are number 2 at this desk.');
  await ends(server);
});

test('handlers: a thread answers by a handle, also when the client has gone', async (context) => {
  const server = await start(context, 'handlers');
  const client = await Client.open(context, `${server.ws}/primes`);
  assert.equal(await client.echo('100'), '25');
  const gone = await Client.open(context, `${server.ws}/primes`);
  gone.send('1000000');
  gone.socket.terminate();
  assert.equal(await client.echo('10'), '4');
  client.send('1000001');
  assert.deepEqual(await client.closed, { code: 1008, reason: 'at most a million' });
  await ends(server);
});

test('handlers: a factory chooses the type, a lambda needs none', async (context) => {
  const server = await start(context, 'handlers');
  assert.equal(await (await Client.open(context, `${server.ws}/greeting`)).next(), 'hello');
  assert.equal(await (await Client.open(context, `${server.ws}/greeting?polite`)).next(), 'Good day.');
  assert.equal(await (await Client.open(context, `${server.ws}/length`)).echo('12345'), '5');
});

test('handlers: on_close is told the cause', async (context) => {
  const server = await start(context, 'handlers');
  (await Client.open(context, `${server.ws}/witness`)).socket.close(4000);
  await until(() => server.output.includes('closed: peer_closed, code 4000\n'), 'peer_closed');
  (await Client.open(context, `${server.ws}/witness`)).socket.terminate();
  await until(() => server.output.includes('closed: connection_lost, code 1006\n'), 'connection_lost');
  (await Client.open(context, `${server.ws}/witness`)).send('x', { mask: false });
  await until(() => server.output.includes('closed: protocol_error, code 1002\n'), 'protocol_error');
  await Client.open(context, `${server.ws}/witness`);
  await ends(server);
  assert.ok(server.output.includes('closed: shutdown, code 1001\n'), server.output);
});

test('authorize: at once, by a token', async (context) => {
  const server = await start(context, 'authorize');
  const refused = await refusal(`${server.ws}/token`);
  assert.deepEqual([refused.status, refused.body], [401, 'a token is needed\n']);
  const headers = { Authorization: 'Bearer open-sesame' };
  assert.equal(await (await Client.open(context, `${server.ws}/token`, [], { headers })).next(), 'welcome');
});

test('authorize: later, from a thread', async (context) => {
  const server = await start(context, 'authorize');
  const refused = await refusal(`${server.ws}/ticket?ticket=T-2`);
  assert.deepEqual([refused.status, refused.body], [403, 'this ticket is not valid\n']);
  assert.equal(await (await Client.open(context, `${server.ws}/ticket?ticket=T-1`)).next(), 'welcome');
});

test('authorize: listed origins and no others, not even the own', async (context) => {
  const server = await start(context, 'authorize');
  const from = (origin) => [`${server.ws}/origins`, [], { origin }];
  for (const origin of ['https://app.example', 'https://admin.app.example']) {
    assert.equal(await (await Client.open(context, ...from(origin))).next(), 'welcome');
  }
  for (const origin of ['http://app.example', 'https://www.app.example', 'https://app.example.org', server.http]) {
    assert.equal((await refusal(`${server.ws}/origins`, { origin })).status, 403, origin);
  }
  assert.equal(await (await Client.open(context, `${server.ws}/origins`)).next(), 'welcome');
});

test('authorize: one of the subprotocols offered', async (context) => {
  const server = await start(context, 'authorize');
  const offered = ['chat.v3', 'chat.v1', 'chat.v2'];
  assert.equal((await Client.open(context, `${server.ws}/subprotocol`, offered)).socket.protocol, 'chat.v1');
});

test('answer later: from a thread, with a head, after a while, or forgotten', async (context) => {
  const server = await start(context, 'answer_later');
  assert.equal(await (await fetch(`${server.http}/sum/100`)).text(), '5050\n');
  const report = await fetch(`${server.http}/report`);
  assert.deepEqual([report.headers.get('content-type'), await report.json()], ['application/json', { sum: 5050 }]);
  assert.equal(await (await fetch(`${server.http}/patience`)).text(), 'thank you\n');
  assert.equal((await fetch(`${server.http}/forgotten`)).status, 500);
  await ends(server);
});

test('answer later: a client that goes before the answer is none of our trouble', async (context) => {
  const server = await start(context, 'answer_later');
  const impatient = new AbortController();
  const asked = fetch(`${server.http}/patience`, { signal: impatient.signal });
  setTimeout(() => impatient.abort(), 10);
  await assert.rejects(asked, { name: 'AbortError' });
  assert.equal(await (await fetch(`${server.http}/patience`)).text(), 'thank you\n');
  await ends(server);
});

test('answer later: an answer in pieces, as fast as the client takes it', async (context) => {
  const server = await start(context, 'answer_later');
  const from = 2_000_000;
  const response = await fetch(`${server.http}/countdown/${from}`);
  assert.equal(response.headers.get('content-length'), null);
  const lines = (await response.text()).trimEnd().split('\n');
  assert.equal(lines.length, from);
  assert.deepEqual([lines[0], lines[from - 1]], [`${from}`, '1']);
  assert.equal((await fetch(`${server.http}/countdown/18446744073709551615`, { method: 'HEAD' })).status, 200);
});

test('answer later: an event stream goes on, and ends when the server shuts down', async (context) => {
  const server = await start(context, 'answer_later');
  const response = await fetch(`${server.http}/events`);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const reader = response.body.getReader();
  let text = '';
  const decoder = new TextDecoder();
  const read = async () => {
    const { done, value } = await reader.read();
    if (!done) text += decoder.decode(value);
    return done;
  };
  while (!text.includes('data: tick')) assert.equal(await read(), false);
  assert.ok(text.startsWith(': welcome\n\n'));
  const ended = ends(server);
  while (!(await read()));
  await ended;
});

test('serve files: those of the folder, and none beside it', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-files-'));
  context.later(async () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'a.txt'), 'of the folder\n');
  const server = await start(context, 'files', folder);
  assert.equal(await (await fetch(`${server.http}/static/a.txt`)).text(), 'of the folder\n');
  for (const path of ['/etc/passwd', '%2Fetc/passwd', '%2Fetc%2Fpasswd', '..%5Cetc', '', 'b.txt']) {
    const status = (await fetch(`${server.http}/static/${path}`)).status;
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
  }
  await ends(server);
});

test('fork: four workers share a port, and drain with their parent', async (context) => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  const server = await Program.start(context, 'examples/docs/prefork', `127.0.0.1:${port}`);
  const workers = new Set();
  await until(async () => {
    const answer = await fetch(`${server.http}/worker`, { headers: { connection: 'close' } }).catch(() => null);
    if (answer) workers.add(Number(await answer.text()));
    return workers.size === 4;
  }, 'an answer of each worker');
  await ends(server);
});

test('slow readers: a download goes on as the client takes it', async (context) => {
  const server = await start(context, 'slow_readers');
  const client = await Client.open(context, `${server.ws}/download`);
  client.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.socket.resume();
  for (let i = 0; i < 1000; ++i) {
    const piece = await client.next();
    assert.equal(piece.length, 16 * 1024);
    assert.equal(piece[0], String.fromCharCode(97 + (i % 26)));
  }
  assert.equal((await client.closed).code, 1000);
});

test('slow readers: who does not keep up is closed with 1008', async (context) => {
  const server = await start(context, 'slow_readers');
  const client = await Client.open(context, `${server.ws}/careless`);
  client.socket.pause();
  client.send('go');
  await new Promise((resolve) => setTimeout(resolve, 300));
  client.socket.resume();
  assert.deepEqual(await client.closed, { code: 1008, reason: 'too slow' });
  await until(() => server.output.includes('closed: backpressure\n'), 'the cause');
});

test('slow readers: a feed goes on', async (context) => {
  const server = await start(context, 'slow_readers');
  const client = await Client.open(context, `${server.ws}/feed`);
  const first = Number(await client.next());
  assert.equal(Number(await client.next()), first + 1);
});

test('adopt a uv loop: a guest answers, and leaves in order', async (context) => {
  const server = await start(context, 'adopt_uv');
  assert.match(await (await fetch(`${server.http}/seconds`)).text(), /^\d+\n$/);
  await ends(server);
});

test('compress: clients that offer are told compressed, others as it is', async (context) => {
  const server = await start(context, 'compress');
  for (const path of ['/prices', '/prices/takeover', '/prices/frugal', '/prices/sparing']) {
    for (const compressed of [true, false]) {
      const options = { perMessageDeflate: compressed };
      const client = await Client.open(context, server.ws + path, [], options);
      const answer = JSON.parse(await client.echo('prices?'));
      assert.equal(answer.compressed, compressed);
      assert.equal(answer.prices.length, 100);
    }
  }
  await ends(server);
});

// The program with its certificates where it expects them. `ports` are those of its three listeners.
async function startTls(context) {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-tls-'));
  context.later(async () => rmSync(folder, { recursive: true, force: true }));
  execFileSync(`${root}tests/interop/support/certificates.sh`, [folder]);
  const file = (name) => join(folder, name);
  const copy = (from, to) => copyFileSync(file(from), file(to));
  copy('leaf.pem', 'fullchain.pem');
  copy('leaf.key', 'privkey.pem');
  copy('ca.pem', 'members.pem');
  mkdirSync(file('other'));
  copy('other.pem', 'other/fullchain.pem');
  copy('leaf.key', 'other/privkey.pem');
  const server = await start(context, 'tls', folder);
  const ports = () => [...server.output.matchAll(/listens on \S+:(\d+)$/gm)].map((line) => Number(line[1]));
  await until(() => ports().length === 3, 'three listeners');
  return { server, copy, read: (name) => readFileSync(file(name)), ports: ports() };
}

// The body, and the common name of the certificate that the server showed.
function get(port, path, options) {
  return new Promise((done, failed) => {
    const asked = request({ host: '127.0.0.1', servername: 'localhost', agent: false, port, path, ...options });
    asked.on('response', async (response) => {
      const { serialNumber, subject } = response.socket.getPeerCertificate();
      let body = '';
      for await (const piece of response) body += piece;
      done({ body, serialNumber, name: subject.CN });
    });
    asked.on('error', failed);
    asked.end();
  });
}

test('serve TLS: a handler knows what was agreed, and a renewed certificate is shown after SIGHUP', async (context) => {
  const { server, copy, read, ports } = await startTls(context);
  const ca = read('ca.pem');
  const client = await Client.open(context, `wss://127.0.0.1:${ports[0]}/echo`, [], { ca });
  const first = await get(ports[0], '/connection', { ca });
  assert.equal(first.body, 'https TLS_AES_128_GCM_SHA256, asked for localhost\n');
  copy('second.pem', 'fullchain.pem');
  copy('second.key', 'privkey.pem');
  server.child.kill('SIGHUP');
  await until(() => server.errors.includes('new connections get the new certificate'), 'the reload');
  assert.notEqual((await get(ports[0], '/connection', { ca })).serialNumber, first.serialNumber);
  assert.equal(await client.echo('still there'), 'still there');
  await ends(server);
});

test('serve TLS: a certificate for each name', async (context) => {
  const { read, ports } = await startTls(context);
  const ca = read('ca.pem');
  for (const [servername, wanted] of [
    ['localhost', 'localhost'],
    ['other.example', 'other.example'],
    ['www.other.example', 'other.example'],
  ]) {
    assert.equal((await get(ports[1], '/connection', { ca, servername })).name, wanted, servername);
  }
});

test('serve TLS: only members come in, and handlers know their names', async (context) => {
  const { read, ports } = await startTls(context);
  const ca = read('ca.pem');
  const own = { ca, cert: read('client.pem'), key: read('client.key') };
  assert.equal((await get(ports[2], '/who', own)).body, 'you are Ana\n');
  await assert.rejects(get(ports[2], '/who', { ca }));
  assert.equal((await get(ports[0], '/who', { ca })).body, 'you have shown no certificate\n');
});

await runAll();
