#!/usr/bin/env node
// The servers over TLS, spoken to by npm ws and by headless Chromium, which trust the CA of the tests. A screenshot is
// kept in $TIDEWIRE_ARTEFACTS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Server } from './support/chat.mjs';
import { Client, Program, root } from './support/program.mjs';
import { runAll, test, until } from './support/cases.mjs';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const artefacts = resolve(root, process.env.TIDEWIRE_ARTEFACTS ?? 'build/artefacts');
mkdirSync(artefacts, { recursive: true });

const folder = mkdtempSync(join(tmpdir(), 'tidewire-tls-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
execFileSync(`${root}tests/interop/support/certificates.sh`, [folder]);
const file = (name) => join(folder, name);
const ca = readFileSync(file('ca.pem'));
const flags = ['--tls-certificate', file('leaf.pem'), '--tls-key', file('leaf.key')];

const start = (context, ...its) => Program.start(context, 'examples/echo_server', '--port', '0', ...flags, ...its);

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(`ws, ${version}: messages of many sizes come back`, async (context) => {
    const server = await start(context);
    const options = { ca, minVersion: version, maxVersion: version };
    const client = await Client.open(context, `${server.wss}/echo`, [], options);
    assert.equal(client.socket._socket.getProtocol(), version);
    for (const size of [0, 1, 125, 126, 16380, 16384, 16385, 65535, 65536, 1 << 20]) {
      const message = randomBytes(size);
      assert.deepEqual(await client.echo(message), message, `${size} bytes`);
    }
    assert.equal((await client.close(4000)).code, 4000);
    assert.equal(server.errors, '');
  });
}

test('ws: fragments, pings and compressed messages', async (context) => {
  const server = await start(context, '--deflate');
  const client = await Client.open(context, `${server.wss}/echo`, [], { ca, perMessageDeflate: { threshold: 0 } });
  for (const [index, piece] of ['one ', '', 'two '.repeat(20_000)].entries()) {
    client.send(piece, { fin: index === 2 });
    const answered = new Promise((done) => client.socket.once('pong', done));
    client.socket.ping('between');
    assert.equal(String(await answered), 'between');
  }
  assert.equal(await client.next(), `one ${'two '.repeat(20_000)}`);
});

test('ws: many at once', async (context) => {
  const server = await start(context);
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => Client.open(context, `${server.wss}/echo`, [], { ca })),
  );
  for (let round = 0; round < 20; ++round) {
    const messages = clients.map((_, index) => randomBytes(1 + index * 331));
    assert.deepEqual(await Promise.all(clients.map((client, index) => client.echo(messages[index]))), messages);
  }
});

test('ws: who does not trust the CA does not connect, and the log says so', async (context) => {
  const server = await start(context);
  await assert.rejects(Client.open(context, `${server.wss}/echo`));
  const trusting = await Client.open(context, `${server.wss}/echo`, [], { ca });
  assert.equal(await trusting.echo('hello'), 'hello');
  await until(() => server.errors.endsWith('\n'), 'a line');
  assert.match(server.errors, /^[^\n]*TLS handshake with [^\n]* failed[^\n]*\n$/);
});

test('ws: SIGTERM closes with 1001 and ends with 0', async (context) => {
  const server = await start(context);
  const client = await Client.open(context, `${server.wss}/echo`, [], { ca });
  const ended = server.terminate();
  assert.equal((await client.closed).code, 1001);
  assert.deepEqual(await ended, { status: 0, signal: null });
});

// Chromium, with a home of its own and there a certificate database, in which these stand.
async function openBrowser({ later }, ...trusted) {
  const home = mkdtempSync(join(tmpdir(), 'tidewire-home-'));
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args) => execFileSync('certutil', ['-d', `sql:${database}`, ...args]);
  certutil('-N', '--empty-password');
  for (const name of trusted) certutil('-A', '-t', 'C,,', '-n', name, '-i', file(name));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
    env: { ...process.env, HOME: home },
  });
  later(async () => {
    await browser.close();
    rmSync(home, { recursive: true, force: true });
  });
  return browser;
}

async function enter({ later }, browser, server, name) {
  const context = await browser.newContext({
    locale: 'en-GB',
    reducedMotion: 'reduce',
    viewport: { width: 1280, height: 800 },
  });
  later(() => context.close());
  const page = await context.newPage();
  page.complaints = [];
  page.sockets = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('websocket', (socket) => page.sockets.push(socket.url()));
  const response = await page.goto(`${server.url}/rooms/harbour`);
  page.security = await response.securityDetails();
  await page.fill('#name', name);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#state[data-state="connected"]');
  return page;
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

const seen = (page, text) => page.locator('.bubble', { hasText: text }).first().waitFor();

test('Chromium: two people talk over wss on a page from https', async (context) => {
  const server = await Server.start(context, ...flags);
  assert.match(server.url, /^https:/);
  const browser = await openBrowser(context, 'ca.pem');
  const ana = await enter(context, browser, server, 'Ana');
  const finn = await enter(context, browser, server, 'Finn');
  await say(ana, 'Is anybody listening in?');
  await seen(finn, 'listening in');
  await say(finn, 'Only the two of us can read this.');
  await seen(ana, 'Only the two of us');
  await ana.locator('.pending').waitFor({ state: 'detached' });
  await ana.screenshot({ path: resolve(artefacts, 'chat_over_tls.png') });
  for (const page of [ana, finn]) {
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(page.sockets, [`${server.url.replace('https', 'wss')}/rooms/harbour`]);
    assert.equal(page.security.protocol, 'TLS 1.3');
    assert.equal(page.security.issuer, 'Tidewire test CA');
    assert.ok(await page.evaluate(() => isSecureContext));
  }
});

test('Chromium: without the CA it shows no page', async (context) => {
  const server = await Server.start(context, ...flags);
  const page = await (await openBrowser(context)).newPage();
  await assert.rejects(page.goto(server.url), /ERR_CERT_AUTHORITY_INVALID/);
});

await runAll();
