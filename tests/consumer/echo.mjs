// Connects to the WebSocket server named on the command line, and wants back what it sends.
// usage: node echo.mjs URL
import { createRequire } from 'node:module';

const require = createRequire(new URL('../interop/', import.meta.url));
const { WebSocket } = require('ws');

const messages = ['tide', '', 'ü'.repeat(70_000), Buffer.from([0, 255, 128])];
const echoed = [];
const socket = new WebSocket(process.argv[2], { perMessageDeflate: false });

const failed = (why) => {
  console.error(`echo: ${why}`);
  process.exit(1);
};

setTimeout(() => failed('no answer within 20 s'), 20_000).unref();
socket.on('error', (error) => failed(error.message));
socket.on('open', () => messages.forEach((message) => socket.send(message)));
socket.on('message', (data, binary) => {
  echoed.push(binary ? data : data.toString());
  if (echoed.length === messages.length) socket.close(1000);
});
socket.on('close', (code) => {
  const same = messages.every((message, i) => Buffer.from(message).equals(Buffer.from(echoed[i] ?? 'nothing')));
  const kinds = messages.every((message, i) => typeof message === typeof echoed[i]);
  if (code !== 1000) failed(`closed with ${code}`);
  if (!same || !kinds) failed('what came back differs');
});
