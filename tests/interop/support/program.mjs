// A program of the build as a child process, and what goes over sockets to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

export const { WebSocket } = createRequire(import.meta.url)('ws');
export const root = new URL('../../../', import.meta.url).pathname;
export const build = resolve(root, process.env.TIDEWIRE_BUILD ?? 'build/release');

export class Program {
  // Resolves when a line says where it listens. It ends with the case.
  static async start({ later }, name, ...flags) {
    const program = new Program(name, flags);
    later(() => program.kill());
    await program.#listening();
    return program;
  }

  constructor(name, flags) {
    this.child = spawn(resolve(build, name), flags, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    this.errors = '';
    this.child.stderr.on('data', (data) => (this.errors += data));
    this.ended = new Promise((done) => this.child.on('close', (status, signal) => done({ status, signal })));
  }

  async #listening() {
    const found = new Promise((ready) =>
      this.child.stdout.on('data', (data) => {
        this.output += data;
        const line = /listens on (?:http:\/\/)?(\S+):(\d+)$/m.exec(this.output);
        if (line) ready(Number(line[2]));
      }),
    );
    const port = await Promise.race([found, this.ended]);
    assert.equal(typeof port, 'number', `it ended: ${JSON.stringify(port)}\n${this.errors}`);
    this.port = port;
    this.http = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}`;
    this.wss = `wss://127.0.0.1:${port}`;
  }

  terminate() {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

// A client of npm ws with an inbox.
export class Client {
  #inbox = [];
  #waiting = [];

  constructor(url, protocols, options = {}) {
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.opened = new Promise((done, failed) => {
      this.socket.on('open', done);
      this.socket.on('error', failed);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((done) =>
      this.socket.on('close', (code, reason) => {
        done({ code, reason: String(reason) });
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(`closed with ${code} ${reason}`));
      }),
    );
    this.socket.on('message', (data, binary) => {
      const message = binary ? data : data.toString();
      const waiting = this.#waiting.shift();
      if (waiting) waiting.resolve(message);
      else this.#inbox.push(message);
    });
  }

  // Resolves when it is open; it ends with the case.
  static async open({ later }, url, protocols, options) {
    const client = new Client(url, protocols, options);
    later(() => client.socket.terminate());
    await client.opened;
    return client;
  }

  next() {
    if (this.#inbox.length > 0) return Promise.resolve(this.#inbox.shift());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  send(message, options = {}) {
    this.socket.send(message, options);
  }

  async echo(message) {
    this.send(message);
    return this.next();
  }

  // Ends the connection in order; what the peer says to it.
  close(code, reason) {
    this.socket.close(code, reason);
    return this.closed;
  }
}

// The status and body of an answer to a handshake that is refused.
export function refusal(url, options = {}) {
  return new Promise((done, failed) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    socket.on('open', () => failed(new Error('it was accepted')));
    socket.on('error', failed);
    socket.on('unexpected-response', (request, response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => {
        request.destroy();
        done({ status: response.statusCode, headers: response.headers, body });
      });
    });
  });
}

// Sends bytes over TCP, and returns all that comes until the other side ends.
export function raw(port, bytes) {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes));
    const pieces = [];
    socket.on('data', (data) => pieces.push(data));
    socket.on('end', () => done(Buffer.concat(pieces)));
    socket.on('error', failed);
  });
}
