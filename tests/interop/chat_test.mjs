#!/usr/bin/env node
// The chat server's protocol, spoken by npm ws.
import assert from 'node:assert/strict';
import net from 'node:net';
import { Server, runServer } from './support/chat.mjs';
import { runAll, test } from './support/cases.mjs';

const unhurried = ['--rate', '1000000', '--burst', '1000000'];
const names = (people) => people.map((each) => each.name);

test('who joins is told who is here, and the others that they came and went', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', ' Ana ');
  assert.deepEqual(names(ana.welcome.people), ['Ana']);
  assert.equal(ana.welcome.room, 'lobby');
  const bo = await server.join(context, 'lobby', 'Bo');
  assert.deepEqual(names(bo.welcome.people), ['Ana', 'Bo']);
  const joined = await ana.next();
  assert.equal(joined.type, 'joined');
  assert.deepEqual([joined.id, joined.name], [bo.welcome.you.id, 'Bo']);
  bo.socket.close(1000);
  const left = await ana.next();
  assert.deepEqual([left.type, left.id, left.name, left.why], ['left', bo.welcome.you.id, 'Bo', 'left']);
});

test('who vanishes without a Close has lost the connection', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  const bo = await server.join(context, 'lobby', 'Bo');
  bo.socket.terminate();
  assert.equal((await ana.nextOf('left')).why, 'lost');
});

test('a message goes to all in the room, the sender too, in one order and as it was written', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  const bo = await server.join(context, 'lobby', 'Bo');
  const text = '<b>"quoted"</b> \\ 梅 🌊\nsecond line\u2028';
  ana.say(text, 'r-1');
  const seen = await bo.next();
  assert.equal(seen.text, text.replace('\u2028', ''));
  assert.deepEqual([seen.type, seen.from, seen.name, seen.ref], ['message', ana.welcome.you.id, 'Ana', 'r-1']);
  assert.deepEqual(await ana.nextOf('message'), seen);
});

test('who joins gets the last 50 messages, the oldest first', async (context) => {
  const server = await Server.start(context, ...unhurried);
  const ana = await server.join(context, 'lobby', 'Ana');
  for (let i = 1; i <= 60; ++i) ana.say(`message ${i}`);
  for (let i = 1; i <= 60; ++i) assert.equal((await ana.next()).text, `message ${i}`);
  const bo = await server.join(context, 'lobby', 'Bo');
  assert.deepEqual(
    bo.welcome.history.map((each) => each.text),
    Array.from({ length: 50 }, (_, i) => `message ${i + 11}`),
  );
});

test('the history is there for whoever comes when all have left', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  ana.say('bye');
  await ana.nextOf('message');
  ana.socket.close(1000);
  await ana.closed;
  const bo = await server.join(context, 'lobby', 'Bo');
  assert.equal(bo.welcome.history.at(-1).text, 'bye');
});

test('rooms know nothing of each other', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'one', 'Ana');
  const bo = await server.join(context, 'two', 'Ana');
  ana.say('in one');
  assert.equal((await ana.next()).text, 'in one');
  bo.say('in two');
  assert.equal((await bo.next()).text, 'in two');
  const cy = await server.join(context, 'two', 'Cy');
  assert.deepEqual(cy.welcome.history.map((each) => each.text), ['in two']);
  assert.deepEqual(names(cy.welcome.people), ['Ana', 'Cy']);
});

test('a name that is taken is refused, and another may be tried on the same connection', async (context) => {
  const server = await Server.start(context);
  await server.join(context, 'lobby', 'Ana');
  const other = await server.connect(context, 'lobby');
  for (const name of ['Ana', 'ANA', ' ana ', 'An\u200ba']) {
    other.send({ type: 'join', name });
    assert.equal((await other.next()).code, 'name_taken', name);
  }
  other.send({ type: 'join', name: '\u200b \n' });
  assert.equal((await other.next()).code, 'bad_name');
  other.send({ type: 'join', name: 'x'.repeat(25) });
  assert.equal((await other.next()).code, 'bad_name');
  other.send({ type: 'join', name: 'Anna' });
  assert.equal((await other.next()).type, 'welcome');
});

test('with the key of the welcome one comes back as the same person, and nobody notices', async (context) => {
  const server = await Server.start(context);
  const bo = await server.join(context, 'lobby', 'Bo');
  const ana = await server.join(context, 'lobby', 'Ana');
  await bo.nextOf('joined');
  const again = await server.join(context, 'lobby', 'Ana', ana.welcome.key);
  assert.equal(again.welcome.you.id, ana.welcome.you.id);
  assert.deepEqual(await ana.closed, { code: 4000, reason: 'joined from elsewhere' });
  again.say('back');
  assert.equal((await bo.next()).text, 'back');
});

test('what only a wrong client sends closes its connection, and no other', async (context) => {
  const server = await Server.start(context);
  const witness = await server.join(context, 'lobby', 'Witness');
  const wrong = [
    ['not JSON', 1008],
    ['{"type":"say","text":', 1008],
    ['[]', 1008],
    ['{"type":"dance"}', 1008],
    ['{"type":"say","text":7}', 1008],
    ['{"type":"say","text":"x","ref":"<>"}', 1008],
    ['{"type":"join","name":"Ana"}', 1008],
    ['['.repeat(8000), 1008],
    ['"\\ud800"', 1008],
    [Buffer.from([0, 1, 2]), 1003],
    ['x'.repeat(9000), 1009],
  ];
  for (const [message, code] of wrong) {
    const ana = await server.join(context, 'lobby', 'Ana');
    ana.send(message);
    assert.equal((await ana.closed).code, code, String(message).slice(0, 40));
  }
  for (let i = 0; i < wrong.length; ++i) await witness.nextOf('left');
  witness.say('still here');
  assert.equal((await witness.nextOf('message')).text, 'still here');
});

test('nobody speaks before they have joined', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  const other = await server.connect(context, 'lobby');
  other.say('boo');
  assert.deepEqual(await other.closed, { code: 1008, reason: 'join first' });
  ana.say('quiet');
  assert.equal((await ana.next()).text, 'quiet');
});

test('text that is too long or empty is refused with a reason, and the connection goes on', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  ana.say('x'.repeat(2001), 'long');
  const long = await ana.next();
  assert.deepEqual([long.type, long.code, long.ref], ['error', 'too_long', 'long']);
  ana.say(' \n\u0000\t', 'none');
  assert.equal((await ana.next()).code, 'empty');
  ana.say('x'.repeat(2000), 'fits');
  assert.equal((await ana.next()).ref, 'fits');
});

test('who sends too fast is told to wait, and nobody else has to', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  const bo = await server.join(context, 'lobby', 'Bo');
  await ana.nextOf('joined');
  for (let i = 0; i < 30; ++i) ana.say(`${i}`, `r${i}`);
  let said = 0;
  let refused = 0;
  for (let i = 0; i < 30; ++i) {
    const answer = await ana.next();
    if (answer.type === 'message') said += 1;
    else if (answer.code === 'slow_down' && answer.retry_ms > 0 && answer.ref) refused += 1;
  }
  assert.equal(said + refused, 30);
  assert.ok(said >= 5 && refused > 0, `${said} said, ${refused} refused`);
  bo.say('calmly', 'calm');
  for (let i = 0; i < said; ++i) assert.equal((await bo.next()).name, 'Ana');
  assert.equal((await bo.next()).ref, 'calm');
});

test('who goes on and on is closed with 1008', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'lobby', 'Ana');
  for (let i = 0; i < 500; ++i) ana.say('!');
  assert.deepEqual(await ana.closed, { code: 1008, reason: 'too many refusals' });
});

test('who guesses names or keys is closed, too', async (context) => {
  const server = await Server.start(context);
  await server.join(context, 'lobby', 'Ana');
  const other = await server.connect(context, 'lobby');
  for (let i = 0; i < 60; ++i) other.send({ type: 'join', name: 'Ana', key: `${i}` });
  assert.equal((await other.closed).code, 1008);
});

test('a reader that is too slow is dropped with 1008, and the others get everything', async (context) => {
  const server = await Server.start(context, ...unhurried);
  const flooder = await server.join(context, 'lobby', 'Flooder');
  const reader = await server.join(context, 'lobby', 'Reader');
  const sleeper = await server.join(context, 'lobby', 'Sleeper');
  sleeper.socket.pause();
  const text = 'x'.repeat(1900);
  const rounds = 80;
  const batch = 100; // 15 MB in all: more than the system's buffers and the server's bound.
  let number = 0;
  for (let round = 0; round < rounds; ++round) {
    for (let i = 0; i < batch; ++i) flooder.say(text, `n${round * batch + i}`);
    for (let i = 0; i < batch; ++i) {
      assert.equal((await reader.nextOf('message')).ref, `n${number}`);
      number += 1;
    }
  }
  assert.equal(number, rounds * batch);
  sleeper.socket.resume();
  assert.deepEqual(await sleeper.closed, { code: 1008, reason: 'too slow' });
  assert.deepEqual([(await reader.nextOf('left')).why, (await server.stats()).too_slow], ['slow', 1]);
  flooder.say('and on it goes', 'last');
  assert.equal((await reader.nextOf('message')).ref, 'last');
});

test('a reader that never wakes up is cut off', async (context) => {
  const server = await Server.start(context, ...unhurried);
  const flooder = await server.join(context, 'lobby', 'Flooder');
  const sleeper = await server.join(context, 'lobby', 'Sleeper');
  sleeper.socket.pause();
  for (let round = 0; round < 80; ++round) {
    for (let i = 0; i < 100; ++i) flooder.say('x'.repeat(1900));
    for (let i = 0; i < 100; ++i) await flooder.nextOf('message');
  }
  const left = await flooder.nextOf('left');
  assert.deepEqual([left.name, left.why], ['Sleeper', 'slow']);
  assert.equal((await server.stats()).connections.open, 1);
});

test('garbage of all kinds ends connections, never the server', async (context) => {
  const server = await Server.start(context);
  let seed = 4711; // The same garbage each time.
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const model = Buffer.from('{"type":"join","name":"Ana","key":"abc","text":"hello","ref":"r1"}');
  for (let i = 0; i < 150; ++i) {
    const person = await server.connect(context, 'lobby');
    for (let j = 0; j < 3; ++j) {
      const message = Buffer.from(model.subarray(0, 1 + random(model.length)));
      for (let k = 0; k < 1 + random(4); ++k) message[random(message.length)] = random(256);
      person.socket.send(message, { binary: random(10) === 0 });
    }
    person.socket.close();
    await person.closed;
  }
  await server.join(context, 'garbage', 'Ana');
});

test('the page is served with the headers that keep it safe', async (context) => {
  const server = await Server.start(context);
  const types = {
    '/': 'text/html; charset=utf-8',
    '/rooms/lobby': 'text/html; charset=utf-8',
    '/style.css': 'text/css; charset=utf-8',
    '/chat.js': 'text/javascript; charset=utf-8',
    '/elements.js': 'text/javascript; charset=utf-8',
    '/lines.js': 'text/javascript; charset=utf-8',
    '/link.js': 'text/javascript; charset=utf-8',
    '/icon.svg': 'image/svg+xml',
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get('content-type'), type);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    const policy = answer.headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /connect-src 'self' ws: wss:/);
    assert.doesNotMatch(policy, /unsafe|\*|data:/);
    assert.ok((await answer.arrayBuffer()).byteLength > 0);
  }
});

test('the page is not sent again to who has it', async (context) => {
  const server = await Server.start(context);
  const etag = (await fetch(server.url)).headers.get('etag');
  const again = await fetch(server.url, { headers: { 'if-none-match': `"other", W/${etag}` } });
  assert.equal(again.status, 304);
  assert.equal(again.headers.get('etag'), etag);
  assert.equal((await again.arrayBuffer()).byteLength, 0);
  assert.equal((await fetch(server.url, { headers: { 'if-none-match': '"other"' } })).status, 200);
});

test('a room that cannot be has neither page nor connection', async (context) => {
  const server = await Server.start(context);
  for (const room of ['Lobby', 'a%20b', '-a', 'x'.repeat(33), '%3Cb%3E']) {
    assert.equal((await fetch(`${server.url}/rooms/${room}`)).status, 404, room);
    await assert.rejects(server.connect(context, room), /404/);
  }
});

test('pages of other origins cannot connect', async (context) => {
  const server = await Server.start(context);
  await assert.rejects(server.connect(context, 'lobby', { origin: 'https://elsewhere.example' }), /403/);
  await server.connect(context, 'lobby', { origin: server.url });
});

test('the statistics count', async (context) => {
  const server = await Server.start(context);
  const ana = await server.join(context, 'one', 'Ana');
  await server.join(context, 'two', 'Bo');
  await server.connect(context, 'three');
  ana.say('hello');
  await ana.nextOf('message');
  const stats = await server.stats();
  assert.deepEqual(stats.connections, { open: 3, total: 3 });
  assert.deepEqual([stats.people, stats.rooms, stats.messages], [2, 2, 1]);
});

test('SIGTERM says 1001 to everybody and ends with 0', async (context) => {
  const server = await Server.start(context);
  const people = [];
  for (const name of ['Ana', 'Bo', 'Cy']) people.push(await server.join(context, 'lobby', name));
  people.push(await server.connect(context, 'lobby'));
  const ended = server.terminate();
  for (const person of people) assert.equal((await person.closed).code, 1001);
  assert.deepEqual(await ended, { status: 0, signal: null });
});

test('SIGTERM ends it within its deadline though somebody never answers', async (context) => {
  const server = await Server.start(context);
  const sleeper = await server.join(context, 'lobby', 'Sleeper');
  sleeper.socket.pause();
  assert.deepEqual(await server.terminate(), { status: 0, signal: null });
});

test('it says where it listens, and last where to open it', async (context) => {
  const server = await Server.start(context);
  const expected = `chat_server listens on 127.0.0.1:${server.port}\nopen http://localhost:${server.port}\n`;
  assert.equal(server.output, expected);
});

test('--help names the flags', async () => {
  const help = await runServer('--help');
  assert.equal(help.status, 0);
  for (const flag of ['--host', '--port', '--page', '--rate', '--burst']) assert.ok(help.stdout.includes(flag), flag);
});

test('a bad flag is one line and 2', async () => {
  for (const flags of [['--nonsense'], ['--port', 'x'], ['--port', '70000'], ['--rate', '0'], ['--port'], ['--host', 'localhost']]) {
    const run = await runServer(...flags);
    assert.deepEqual([run.status, run.stdout], [2, ''], flags.join(' '));
    assert.match(run.stderr, /^chat_server: [^\n]+\n$/);
  }
});

test('a port in use is one line and 1', async ({ later }) => {
  const holder = net.createServer();
  await new Promise((ready) => holder.listen(0, '127.0.0.1', ready));
  later(() => holder.close());
  const run = await runServer('--port', String(holder.address().port));
  assert.deepEqual([run.status, run.stdout], [1, '']);
  assert.match(run.stderr, /^chat_server: [^\n]*in use[^\n]*\n$/);
});

test('a missing page is one line and 1', async () => {
  const run = await runServer('--port', '0', '--page', '/nowhere');
  assert.deepEqual([run.status, run.stdout], [1, '']);
  assert.match(run.stderr, /^chat_server: [^\n]*\/nowhere\/index\.html[^\n]*\n$/);
});

await runAll();
