#!/usr/bin/env node
// Behind nginx, with the configuration of docs/howto/behind-nginx.md.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Agent, get } from 'node:http';
import { Client, Program, raw, refusal } from './support/program.mjs';
import { Server } from './support/chat.mjs';
import { startNginx } from './support/nginx.mjs';
import { runAll, test } from './support/cases.mjs';

async function behind(context, changes) {
  const server = await Program.start(context, 'examples/echo_server', '--port', '0');
  const port = await startNginx(context, server.port, changes);
  return { server, port, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}` };
}

test('messages of every size come back through it', async (context) => {
  const { ws } = await behind(context);
  const client = await Client.open(context, `${ws}/echo`);
  for (const size of [0, 1, 126, 65536, 1 << 20]) {
    const message = randomBytes(size);
    assert.ok((await client.echo(message)).equals(message), `${size} bytes`);
  }
  assert.equal(await client.echo('text, grüß 🌊'), 'text, grüß 🌊');
});

test('close codes pass both ways', async (context) => {
  const { ws } = await behind(context);
  for (const code of [1000, 1001, 4321]) {
    const client = await Client.open(context, `${ws}/echo`);
    assert.equal((await client.close(code, 'bye')).code, code);
  }
  const client = await Client.open(context, `${ws}/echo`);
  client.send(randomBytes((1 << 20) + 1));
  assert.equal((await client.closed).code, 1009);
});

test('pings pass it', async (context) => {
  const { ws } = await behind(context);
  const client = await Client.open(context, `${ws}/echo`);
  const pong = new Promise((done) => client.socket.once('pong', done));
  client.socket.ping('are you there?');
  assert.equal(String(await pong), 'are you there?');
});

test('HTTP connections are kept, to it and behind it', async (context) => {
  const { http } = await behind(context);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  context.later(() => agent.destroy());
  const sockets = new Set();
  for (let i = 0; i < 20; ++i) {
    const body = await new Promise((done, failed) =>
      get(`${http}/plaintext`, { agent }, (response) => {
        sockets.add(response.socket.localPort);
        assert.equal(response.statusCode, 200);
        let text = '';
        response.on('data', (data) => (text += data));
        response.on('end', () => done(text));
      }).on('error', failed),
    );
    assert.equal(body, 'Hello, World!');
  }
  assert.equal(sockets.size, 1);
});

test('the same-origin check sees the host and port that the browser sees', async (context) => {
  const { http, ws } = await behind(context);
  const client = await Client.open(context, `${ws}/echo`, [], { origin: http });
  assert.equal(await client.echo('same origin'), 'same origin');
  // As after TLS in nginx: the page is https, and Host has no port.
  const secure = { origin: 'https://app.example', headers: { Host: 'app.example' } };
  assert.equal(await (await Client.open(context, `${ws}/echo`, [], secure)).echo('tls'), 'tls');
  assert.equal((await refusal(`${ws}/echo`, { ...secure, origin: 'https://elsewhere.example' })).status, 403);
});

test("with $host, which has lost the port, or nginx's own Host, the server's own pages are refused", async (context) => {
  for (const host of ['$host', '$proxy_host']) {
    const { http, ws } = await behind(context, [['Host $http_host', `Host ${host}`]]);
    assert.equal((await refusal(`${ws}/echo`, { origin: http })).status, 403, host);
  }
});

test('without the upgrade headers the answer is 426', async (context) => {
  const { ws } = await behind(context, [['proxy_set_header Upgrade $http_upgrade;', '']]);
  assert.equal((await refusal(`${ws}/echo`)).status, 426);
});

test('dot segments reach the server, which refuses them', async (context) => {
  const { port } = await behind(context);
  const answer = await raw(port, 'GET /a/../plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(String(answer), /^HTTP\/1\.1 400 /);
});

test('when the server ends, clients are told with 1001, and then nginx answers 502', async (context) => {
  const { server, http, ws } = await behind(context);
  const client = await Client.open(context, `${ws}/echo`);
  const ended = server.terminate();
  assert.equal((await client.closed).code, 1001);
  assert.deepEqual(await ended, { status: 0, signal: null });
  assert.equal((await fetch(`${http}/plaintext`)).status, 502);
});

test('the chat works through it', async (context) => {
  const server = await Server.start(context);
  const port = await startNginx(context, server.port);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  server.url = `http://127.0.0.1:${port}`;
  const ana = await server.join(context, 'lobby', 'Ana');
  const bo = await server.join(context, 'lobby', 'Bo');
  ana.say('hello');
  assert.equal((await bo.nextOf('message')).text, 'hello');
});

await runAll();
