// Debian's nginx in front of a server, with the configuration that docs/howto/behind-nginx.md shows.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './program.mjs';

const configuration = `${root}docs/howto/nginx.conf`;

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

function answers(port) {
  return new Promise((done) => {
    const probe = connect(port, '127.0.0.1', () => done(true) || probe.destroy());
    probe.on('error', () => done(false));
  });
}

// The configuration, but for where it listens, whom it serves, and where it may write. Each replacement must fit.
export function configured(folder, port, upstream, changes = []) {
  let text = readFileSync(configuration, 'utf8');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const places = [
    ['user www-data;\n', process.getuid() === 0 ? 'user www-data;\n' : ''],
    ['worker_processes auto', 'worker_processes 1'],
    ['worker_rlimit_nofile 65536;\n', ''],
    ['worker_connections 16384', 'worker_connections 256'],
    ['/run/nginx.pid', `${folder}/pid`],
    ['/var/log/nginx/error.log', `${folder}/error.log`],
    ['/var/log/nginx/access.log;', `off;\n${temporary.map((each) => `${each}_temp_path ${folder}/${each};`).join('\n')}`],
    ['127.0.0.1:9001', `127.0.0.1:${upstream}`],
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ...changes,
  ];
  for (const [from, to] of places) {
    if (!text.includes(from)) throw new Error(`${configuration} has no "${from}"`);
    text = text.replace(from, to);
  }
  return text;
}

// Starts it; resolves to its port. It ends with the case.
export async function startNginx({ later }, upstream, changes) {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-nginx-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configured(folder, port, upstream, changes));
  const arguments_ = ['-e', `${folder}/error.log`, '-p', folder, '-c', file, '-g', 'daemon off;'];
  const child = spawn('nginx', arguments_, {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  let status;
  const ended = new Promise((done) =>
    child.on('close', (code) => {
      status = code;
      done();
    }),
  );
  later(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  while (!(await answers(port))) {
    if (status !== undefined) throw new Error(`nginx ended with ${status}: ${errors}${readFileSync(`${folder}/error.log`)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return port;
}
