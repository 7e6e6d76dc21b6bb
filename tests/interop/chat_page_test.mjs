#!/usr/bin/env node
// The chat's page in headless Chromium: what people see, and what becomes of it when the server goes and comes back.
// Screenshots are kept in $TIDEWIRE_ARTEFACTS.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { Server } from './support/chat.mjs';
import { runAll, test } from './support/cases.mjs';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const root = new URL('../../', import.meta.url).pathname;
const artefacts = resolve(root, process.env.TIDEWIRE_ARTEFACTS ?? 'build/artefacts');
mkdirSync(artefacts, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
});
const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const patience = 60_000;

// A page in a browser of its own, so that it remembers nothing of the others.
async function openPage({ later }, server, path, options = desktop) {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(patience);
  later(() => context.close());
  const page = await context.newPage();
  page.complaints = [];
  page.foreign = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url)) page.foreign.push(request.url());
  });
  await page.goto(server.url + path);
  return page;
}

async function enter(context, server, path, name, options) {
  const page = await openPage(context, server, path, options);
  await page.fill('#name', name);
  await page.keyboard.press('Enter');
  await state(page, 'connected');
  return page;
}

const state = (page, wanted) => page.waitForSelector(`#state[data-state="${wanted}"]`);
const seen = (page, text) => page.locator('.bubble', { hasText: text }).first().waitFor();
const noticed = (page, text) => page.locator('.notice-line', { hasText: text }).first().waitFor();
const people = (page) => page.locator('#people .name').allTextContents();
const picture = (page, name) => page.screenshot({ path: resolve(artefacts, `${name}.png`) });

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

test('two people in a room see each other, and what they say', async (context) => {
  const server = await Server.start(context);
  const ana = await enter(context, server, '/rooms/harbour', 'Ana');
  await ana.locator('#empty').waitFor();
  const finn = await enter(context, server, '/rooms/harbour', 'Finn', { ...phone, colorScheme: 'dark' });
  await noticed(ana, 'Finn joined');
  assert.deepEqual(await people(ana), ['Ana', 'Finn']);
  assert.deepEqual(await people(finn), ['Finn', 'Ana']);
  await say(ana, 'Morning! Is the ferry on time?');
  await seen(finn, 'Is the ferry on time?');
  await say(finn, 'It is turning in just now. I can see it from the pier.');
  await seen(ana, 'turning in just now');
  assert.equal(await ana.locator('.line.own').count(), 1);
  assert.equal(await finn.locator('.line.own').count(), 1);
  assert.equal(await finn.locator('.line:not(.own) .who bdi').textContent(), 'Ana');
  await ana.locator('.pending').waitFor({ state: 'detached' });
  await picture(ana, 'chat_desktop_light');
  await picture(finn, 'chat_phone_dark');
  await finn.close();
  await noticed(ana, 'Finn left');
  assert.deepEqual([ana.complaints, ana.foreign], [[], []]);
  assert.deepEqual([finn.complaints, finn.foreign], [[], []]);
});

test('what people write is text and never markup, in names, too', async (context) => {
  const server = await Server.start(context);
  const ana = await enter(context, server, '/rooms/lobby', 'Ana');
  const bo = await server.join(context, 'lobby', '<img src=x onerror=a>');
  const evil = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
  bo.say(evil);
  await seen(ana, 'onerror');
  assert.equal(await ana.locator('.bubble').textContent(), evil);
  assert.equal(await ana.locator('.lines img, .lines script, .people img').count(), 0);
  assert.ok((await people(ana)).includes('<img src=x onerror=a>'));
  assert.deepEqual(ana.complaints, []);
});

test('the page comes back by itself when the server restarts, and says so meanwhile', async (context) => {
  const server = await Server.start(context);
  const ana = await enter(context, server, '/rooms/lobby', 'Ana');
  const bo = await enter(context, server, '/rooms/lobby', 'Bo', { ...phone });
  await say(ana, 'before');
  await seen(bo, 'before');
  await server.terminate();
  await state(bo, 'waiting');
  assert.match(await bo.textContent('#state-text'), /^Reconnecting in \d+ s$/);
  await bo.fill('#text', 'kept');
  assert.ok(await bo.isDisabled('#send'));
  await picture(bo, 'chat_phone_reconnecting');
  await Server.start(context, '--port', String(server.port));
  await state(ana, 'connected');
  await state(bo, 'connected');
  await bo.press('#text', 'Enter');
  await seen(ana, 'kept');
  await seen(ana, 'before');
  assert.ok(await bo.isHidden('#notice'));
});

test('each failure doubles the longest delay, up to 30 s, and the network coming back ends it', async (context) => {
  const server = await Server.start(context);
  const page = await openPage(context, server, '/rooms/lobby');
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 5000);
  await page.fill('#name', 'Ana');
  await page.keyboard.press('Enter');
  await state(page, 'connected');
  await server.terminate();
  await state(page, 'waiting');
  const longest = [0.5, 1, 2, 4, 8, 16, 30, 30, 30];
  for (const ceiling of longest) {
    await state(page, 'waiting');
    const seconds = Number(/\d+/.exec(await page.textContent('#state-text'))[0]);
    assert.ok(seconds >= Math.floor(ceiling / 2) - 1 && seconds <= Math.ceil(ceiling), `${seconds} s of ${ceiling} s`);
    const failure = page.waitForEvent('console', (message) => message.text().includes('ERR_CONNECTION_REFUSED'));
    await page.clock.runFor(seconds * 1000);
    await failure;
  }
  await state(page, 'waiting');
  await Server.start(context, '--port', String(server.port));
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await state(page, 'connected');
});

test('a page without network says that it is offline, and comes back with it', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  await page.context().setOffline(true);
  await state(page, 'offline');
  assert.equal(await page.textContent('#state-text'), 'Offline');
  await page.context().setOffline(false);
  await state(page, 'connected');
});

test('a page that another one replaced stops, until it is told to take over', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  const key = await page.evaluate(() => JSON.parse(sessionStorage.getItem('chat.key.lobby')));
  const other = await server.join(context, 'lobby', 'Ana', key);
  await state(page, 'stopped');
  await page.click('#notice-action');
  await state(page, 'connected');
  assert.equal((await other.closed).code, 4000);
});

test('a name that is taken is asked for again', async (context) => {
  const server = await Server.start(context);
  await server.join(context, 'lobby', 'Ana');
  const page = await openPage(context, server, '/rooms/lobby', { ...phone });
  await page.fill('#name', 'ana');
  await page.click('#join button');
  await page.locator('#join-error:not([hidden])').waitFor();
  await picture(page, 'chat_phone_name_taken');
  await page.fill('#name', 'Anna');
  await page.click('#join button');
  await state(page, 'connected');
  assert.deepEqual(await people(page), ['Anna', 'Ana']);
});

test('a reload keeps name, room and history, and the room stands in the address', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/', 'Ana');
  assert.equal(new URL(page.url()).pathname, '/rooms/lobby');
  await say(page, 'remember me');
  await seen(page, 'remember me');
  await page.locator('.pending').waitFor({ state: 'detached' });
  await page.reload();
  await state(page, 'connected');
  await seen(page, 'remember me');
  assert.equal(await page.locator('.line.own').count(), 1);
  assert.deepEqual(await people(page), ['Ana']);
});

test('rooms are changed without a reload, and Back goes back', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  await say(page, 'in the lobby');
  await seen(page, 'in the lobby');
  await page.fill('#other-room', 'Tea Room');
  await page.press('#other-room', 'Enter');
  await page.waitForURL('**/rooms/tea-room');
  await state(page, 'connected');
  assert.equal(await page.locator('.bubble').count(), 0);
  assert.deepEqual(await page.locator('#rooms a').allTextContents(), ['lobby', 'tea-room']);
  await page.goBack();
  await seen(page, 'in the lobby');
  assert.equal(await page.textContent('#room-name'), 'lobby');
});

test('who reads further up is not torn away, but told of new messages', async (context) => {
  const server = await Server.start(context, '--burst', '200');
  const page = await enter(context, server, '/rooms/lobby', 'Ana', { ...phone });
  const bo = await server.join(context, 'lobby', 'Bo');
  for (let i = 0; i < 40; ++i) bo.say(`line ${i}`);
  await seen(page, 'line 39');
  const end = () => page.evaluate(() => {
    const log = document.getElementById('log');
    return log.scrollHeight - log.scrollTop - log.clientHeight;
  });
  assert.ok((await end()) < 4);
  await page.evaluate(() => document.getElementById('log').scrollTo(0, 0));
  await page.waitForFunction(() => document.getElementById('log').scrollTop === 0);
  bo.say('news');
  await page.locator('#latest', { hasText: '1 new message' }).waitFor();
  assert.equal(await page.evaluate(() => document.getElementById('log').scrollTop), 0);
  await picture(page, 'chat_phone_new_messages');
  await page.click('#latest');
  assert.ok((await end()) < 4);
  assert.ok(await page.isHidden('#latest'));
});

test('Enter sends, Shift+Enter begins a line, and the keyboard reaches everything', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  await page.waitForFunction(() => document.activeElement.id === 'text');
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await seen(page, 'one');
  assert.equal(await page.locator('.bubble').first().textContent(), 'one\ntwo');
  assert.equal(await page.inputValue('#text'), '');
  const reached = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 16; ++i) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
  }
  for (const id of ['skip', 'other-room', 'rename', 'share', 'log', 'text']) assert.ok(reached.has(id), id);
});

test('who writes too fast is told, and can try again', async (context) => {
  const server = await Server.start(context, '--burst', '1', '--rate', '1');
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  await say(page, 'first');
  await say(page, 'second');
  const again = page.locator('.line.failed button');
  await again.waitFor();
  await picture(page, 'chat_desktop_too_fast');
  for (let tries = 0; tries < 50 && (await again.count()) > 0; ++tries) {
    await page.waitForTimeout(200);
    if (await again.count()) await again.click();
    await page.locator('.pending').waitFor({ state: 'detached' });
  }
  assert.deepEqual(await page.locator('.bubble').allTextContents(), ['first', 'second']);
});

test('nothing is wider than a phone, whatever people write', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/a-room-with-quite-a-long-name-12', 'W'.repeat(24), { ...phone });
  const bo = await server.join(context, 'a-room-with-quite-a-long-name-12', 'M'.repeat(24));
  bo.say('w'.repeat(1500));
  await seen(page, 'www');
  await say(page, 'm'.repeat(700));
  await page.fill('#text', 'm'.repeat(2500));
  assert.ok(await page.isDisabled('#send'));
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('.main, .top > *, .line, .bubble, .notice-line, .who, .field, .hint')]
      .filter((each) => !each.matches('.hidden'))
      .map((each) => [each.className || each.id, each.getBoundingClientRect()])
      .filter(([, box]) => box.left < 0 || box.right > innerWidth)
      .map(([name]) => name),
  );
  assert.deepEqual(wide, []);
  await picture(page, 'chat_phone_long_words');
});

test('light and dark follow the system', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await back();
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.notEqual(await back(), light);
  await picture(page, 'chat_desktop_dark');
});

test('the counters of the server are on the page', async (context) => {
  const server = await Server.start(context);
  const page = await enter(context, server, '/rooms/lobby', 'Ana');
  await page.locator('#stat-open', { hasText: /^1$/ }).waitFor();
  await server.join(context, 'other', 'Bo');
  await page.locator('#stat-open', { hasText: /^2$/ }).waitFor();
  await page.locator('#stat-rooms', { hasText: /^2$/ }).waitFor();
});

await runAll();
