import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createGuard } from './guard.ts';

const guard = createGuard({
  port: 7070,
  allowedHosts: ['fabric.example:7070'],
  allowedOrigins: ['https://board.example/'],
});

function requestWith(headers: readonly (readonly [string, string])[], url = '/v1/tasks.claim') {
  const incoming = new IncomingMessage(new Socket());
  incoming.url = url;
  for (const [name, value] of headers) {
    incoming.rawHeaders.push(name, value);
    incoming.headers[name.toLowerCase()] ??= value;
  }
  return incoming;
}

test.each([
  ['localhost:7070', undefined],
  ['127.0.0.1:7070', undefined],
  ['[::1]:7070', undefined],
  ['LOCALHOST:7070', undefined],
  ['fabric.example:7070', undefined],
  ['fabric.example', 'request.host'],
  ['localhost', 'request.host'],
  ['localhost:7071', 'request.host'],
  ['rebound.example:7070', 'request.host'],
  ['127.0.0.1.evil.example:7070', 'request.host'],
])('Host %s: %s', (host, code) => {
  expect(guard.check(requestWith([['Host', host]]))?.code).toBe(code);
});

test('two credentials are one too many: a proxy may have looked at the other', () => {
  const host = ['Host', 'localhost:7070'] as const;
  const one = ['Authorization', 'Bearer a'] as const;
  expect(guard.check(requestWith([host, one]))).toBeUndefined();
  const two = requestWith([host, one, ['authorization', 'Bearer b']]);
  expect(guard.check(two)?.code).toBe('request.malformed');
});

test('no Host, two Hosts and a second host in the target are refused', () => {
  expect(guard.check(requestWith([]))?.code).toBe('request.host');
  const twice = requestWith([
    ['Host', 'localhost:7070'],
    ['host', 'evil.example'],
  ]);
  expect(guard.check(twice)?.code).toBe('request.host');
  const absolute = requestWith([['Host', 'localhost:7070']], 'http://evil.example/v1/tasks.claim');
  expect(guard.check(absolute)?.code).toBe('request.host');
});

test.each([
  ['http://localhost:7070', undefined],
  ['https://board.example', undefined],
  ['https://localhost:7070', 'request.origin'],
  ['http://localhost:3000', 'request.origin'],
  ['https://evil.example', 'request.origin'],
  ['null', 'request.origin'],
])('Origin %s: %s', (origin, code) => {
  const incoming = requestWith([
    ['Host', 'localhost:7070'],
    ['Origin', origin],
  ]);
  expect(guard.check(incoming)?.code).toBe(code);
});
