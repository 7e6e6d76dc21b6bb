// The chat server as a child process, and people who speak its protocol.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createRequire } from 'node:module';

const { WebSocket } = createRequire(import.meta.url)('ws');
const root = new URL('../../../', import.meta.url).pathname;
const program = resolve(root, process.env.TIDEWIRE_BUILD ?? 'build/release', 'examples/chat_server');

// Runs the server to its end, with flags that let it not start.
export async function runServer(...flags) {
  const child = spawn(program, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (out.stdout += data));
  child.stderr.on('data', (data) => (out.stderr += data));
  const [status, signal] = await new Promise((ended) => child.on('close', (...how) => ended(how)));
  return { status, signal, ...out };
}

export class Server {
  // Resolves when it listens. It ends with the case.
  static async start({ later }, ...flags) {
    const server = new Server(flags);
    later(() => server.kill());
    await server.#listening();
    return server;
  }

  constructor(flags) {
    const given = flags.includes('--port') ? flags : ['--port', '0', ...flags];
    this.child = spawn(program, given, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.output = '';
    this.ended = new Promise((resolve) => this.child.on('exit', (status, signal) => resolve({ status, signal })));
  }

  async #listening() {
    const opened = new Promise((ready) =>
      this.child.stdout.on('data', (data) => {
        this.output += data;
        const found = /^open (https?:\/\/\S+)$/m.exec(this.output);
        if (found) ready(found[1]);
      }),
    );
    const url = await Promise.race([opened, this.ended]);
    assert.equal(typeof url, 'string', `the server ended: ${JSON.stringify(url)}`);
    this.url = url.replace('localhost', '127.0.0.1');
    this.port = Number(new URL(url).port);
  }

  terminate() {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async stats() {
    return (await fetch(`${this.url}/stats`)).json();
  }

  // A WebSocket that has not joined.
  async connect({ later }, room, options = {}) {
    const person = new Person(`${this.url.replace('http', 'ws')}/rooms/${room}`, options);
    later(() => person.socket.terminate());
    await person.opened;
    return person;
  }

  async join(context, room, name, key) {
    const person = await this.connect(context, room);
    person.send({ type: 'join', name, key });
    person.welcome = await person.next();
    assert.equal(person.welcome.type, 'welcome', JSON.stringify(person.welcome));
    return person;
  }
}

export class Person {
  #inbox = [];
  #waiting = [];

  constructor(url, options) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#deliver({ type: 'closed', code, reason: String(reason) });
      }),
    );
    this.socket.on('message', (data, binary) => this.#deliver(binary ? { type: 'binary' } : JSON.parse(data)));
  }

  #deliver(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#inbox.push(message);
  }

  // The next message, whatever it is.
  next() {
    if (this.#inbox.length > 0) return Promise.resolve(this.#inbox.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // The next message of a type; those before it are passed over.
  async nextOf(type) {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message;
      assert.notEqual(message.type, 'closed', `closed in place of ${type}: ${JSON.stringify(message)}`);
    }
  }

  send(message) {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  say(text, ref) {
    this.send({ type: 'say', text, ref });
  }
}
