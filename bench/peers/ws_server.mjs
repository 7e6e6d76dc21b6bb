// The measured server's contract on Node.js and ws: no client tracking, and what is sent in one turn of the loop leaves
// each socket in one piece. What is compressed comes from zlib's own threads and leaves when it is ready.

import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const usage = `usage: ws_server.mjs [--port N] [--deflate [--takeover]] [--tls-certificate FILE --tls-key FILE]

WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext, on Node.js and ws.
  --port N     TCP port on 127.0.0.1, 0 for any [9001]
  --deflate    compress messages with clients that offer it
  --takeover   and let messages refer to earlier ones
  --tls-certificate FILE, --tls-key FILE
               speak TLS, with this certificate chain and its key (PEM)`;

function fail(message, status) {
  process.stderr.write(`ws_server: ${message}\n`);
  process.exit(status);
}

function flags() {
  try {
    const options = {
      port: { type: 'string', default: '9001' },
      deflate: { type: 'boolean', default: false },
      takeover: { type: 'boolean', default: false },
      'tls-certificate': { type: 'string' },
      'tls-key': { type: 'string' },
      help: { type: 'boolean' },
    };
    const { values } = parseArgs({ options });
    if (values.help) {
      process.stdout.write(`${usage}\n`);
      process.exit(0);
    }
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) fail(`--port ${values.port} is no port`, 2);
    if (values.takeover && !values.deflate) fail('--takeover requires --deflate', 2);
    if (!values['tls-certificate'] !== !values['tls-key']) fail('--tls-certificate and --tls-key go together', 2);
    return values;
  } catch (error) {
    return fail(error.message.split('\n')[0], 2);
  }
}

/** AES-128 first: Node.js's own choice is AES-256, which takes longer. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** One that speaks TLS if it was given a certificate. */
function serverFor(certificate, key, handler) {
  if (!certificate) return http.createServer(handler);
  try {
    const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), ciphers };
    return https.createServer(options, handler);
  } catch (error) {
    return fail(`cannot use the certificate or its key: ${error.message.split('\n')[0]}`, 1);
  }
}

/** Sockets whose output is held back until the present turn of the loop is over. */
const held = [];

function release() {
  for (const socket of held) {
    socket.isHeld = false;
    socket.uncork();
  }
  held.length = 0;
}

function hold(socket) {
  if (socket.isHeld) return;
  if (held.length === 0) setImmediate(release);
  socket.isHeld = true;
  socket.cork();
  held.push(socket);
}

const { port, deflate, takeover, 'tls-certificate': certificate, 'tls-key': key } = flags();
const plaintext = Buffer.from('Hello, World!');
const plaintextHead = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': plaintext.length };
const webSockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: deflate && {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    threshold: 64,
  },
  clientTracking: false,
  maxPayload: 64 * 1024 * 1024,
});
const subscribers = new Map(); // to their sockets

function echo(connection, socket) {
  connection.on('message', (data, isBinary) => {
    hold(socket);
    connection.send(data, { binary: isBinary });
  });
}

function broadcast(connection, socket) {
  subscribers.set(connection, socket);
  connection.on('close', () => subscribers.delete(connection));
  connection.on('message', (data, isBinary) => {
    for (const [each, its] of subscribers) {
      hold(its);
      each.send(data, { binary: isBinary });
    }
  });
}

const paths = { '/echo': echo, '/broadcast': broadcast };

const server = serverFor(certificate, key, (request, response) => {
  if (request.url === '/plaintext') {
    response.writeHead(200, plaintextHead);
    response.end(plaintext);
  } else {
    response.writeHead(404, { 'Content-Length': 0 });
    response.end();
  }
});
server.on('upgrade', (request, socket, head) => {
  const serve = paths[request.url];
  if (!serve) {
    socket.destroy();
    return;
  }
  webSockets.handleUpgrade(request, socket, head, (connection) => {
    connection.on('error', () => {});
    serve(connection, socket);
  });
});
server.keepAliveTimeout = 60_000;
server.on('error', (error) => fail(`cannot listen on port ${port}: ${error.code}`, 1));
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 }, () => {
  process.stdout.write(`ws_server listens on 127.0.0.1:${server.address().port}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
