/** A WebSocket that says what it hears: the floor of everything that goes over the wire. Prints `ready <port>`. */
import { writeSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const STDOUT = 1;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (bytes, isBinary) => socket.send(bytes, { binary: isBinary }));
});
server.once('listening', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  writeSync(STDOUT, `ready ${port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
