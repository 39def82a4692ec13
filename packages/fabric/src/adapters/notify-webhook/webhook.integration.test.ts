import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { certificateFor } from '../../../test/certificate.ts';
import type { Resolve } from '../../net/pinned-lookup.ts';
import type { Notice } from '../../ports/notifier.ts';
import { webhookNotifier, type WebhookOptions } from './webhook.ts';

const NOTICE: Notice = {
  id: 'esc_12.1',
  realm: 'main',
  origin: 'test.local/ifab/main',
  at: 1_700_000_000_000,
  severity: 'high',
  kind: 'breaker',
  subject: 'session-4',
  summary: 'Three failures in a row — “ünïcode”.',
  details: { failures: 3 },
  acknowledge: 'ifab escalation ack esc_12.1',
  index: 12,
};
const NOW_MS = 1_700_000_123_456;
const SECRET = Buffer.alloc(32, 0x5a);
const NEVER = new AbortController().signal;

let folder = '';
let secretFile = '';
const ends: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-webhook-'));
  secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `whsec_${SECRET.toString('base64')}\n`, { mode: 0o600 });
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  rmSync(folder, { recursive: true });
});

interface Request {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Receiving {
  readonly port: number;
  readonly requests: Request[];
}

const listening = async (server: Server, host = '127.0.0.1'): Promise<number> => {
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  ends.push(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return address.port;
};

/** A server that remembers what it was sent and answers as the test says. */
const receiving = async (answer: RequestListener, host?: string): Promise<Receiving> => {
  const requests: Request[] = [];
  const port = await listening(createServer(remembering(requests, answer)), host);
  return { port, requests };
};

const remembering =
  (requests: Request[], answer: RequestListener): RequestListener =>
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      requests.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  };

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(code, headers).end('thanks');

const notifierTo = (port: number, more: Partial<WebhookOptions> = {}) =>
  webhookNotifier({
    name: 'webhook',
    url: `http://127.0.0.1:${port}/hooks/a?token=t0ken`,
    secretFile,
    allowHosts: [`127.0.0.1:${port}`],
    timeoutMs: 5_000,
    version: '0.1.0',
    now: () => NOW_MS,
    ...more,
  });

/** By another implementation of HMAC than the one under test, from what arrived alone. */
const isSigned = async ({ headers, body }: Request): Promise<boolean> => {
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await webcrypto.subtle.importKey('raw', SECRET, algorithm, false, ['verify']);
  const [version, signature = ''] = String(headers['webhook-signature']).split(',');
  const bytes = Buffer.from(signature, 'base64');
  const isRight = await webcrypto.subtle.verify('HMAC', key, bytes, Buffer.from(text));
  return version === 'v1' && isRight;
};

test('a notice is posted as signed JSON, and its id is the same for every attempt', async () => {
  const { port, requests } = await receiving(status(204));
  await notifierTo(port).deliver(NOTICE, NEVER);
  await notifierTo(port).deliver(NOTICE, NEVER);
  const [first, second] = requests;
  expect(first).toMatchObject({ method: 'POST', path: '/hooks/a?token=t0ken' });
  expect(first?.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'infrafabric/0.1.0',
    'webhook-timestamp': '1700000123',
    connection: 'close',
  });
  expect(JSON.parse(first?.body ?? '')).toEqual({
    type: 'escalation.raised',
    timestamp: '2023-11-14T22:13:20.000Z',
    data: NOTICE,
  });
  if (first === undefined || second === undefined) throw new Error('two requests');
  expect(await isSigned(first)).toBe(true);
  expect(await isSigned({ ...first, body: `${first.body} ` })).toBe(false);
  expect(first.headers['webhook-id']).toMatch(/^esc_[0-9a-f]{32}$/);
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  await notifierTo(port).deliver({ ...NOTICE, origin: 'other.local/ifab/main' }, NEVER);
  expect(requests[2]?.headers['webhook-id']).not.toBe(first.headers['webhook-id']);
});

test.each([
  [500, true],
  [502, true],
  [503, true],
  [408, true],
  [425, true],
  [429, true],
  [400, false],
  [401, false],
  [404, false],
  [410, false],
])(
  'an answer of %i is transient: %s; nothing of the URL but host and port is said',
  async (code, transient) => {
    const { port } = await receiving(status(code));
    const delivery = notifierTo(port).deliver(NOTICE, NEVER);
    await expect(delivery).rejects.toMatchObject({
      transient,
      detail: `127.0.0.1:${port} answered ${code}`,
    });
  },
);

test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (code) => {
  const inside = await receiving(status(200));
  const location = `http://127.0.0.1:${inside.port}/latest/meta-data`;
  const { port } = await receiving(status(code, { location }));
  const allowHosts = [`127.0.0.1:${port}`, `127.0.0.1:${inside.port}`];
  const delivery = notifierTo(port, { allowHosts }).deliver(NOTICE, NEVER);
  await expect(delivery).rejects.toMatchObject({ transient: false });
  await expect(delivery).rejects.toThrow(`redirects (${code})`);
  expect(inside.requests).toEqual([]);
});

test('a receiver that does not answer in time is transient', async () => {
  const { port } = await receiving(() => undefined);
  const startedAt = performance.now();
  const delivery = notifierTo(port, { timeoutMs: 150 }).deliver(NOTICE, NEVER);
  await expect(delivery).rejects.toMatchObject({ transient: true });
  await expect(delivery).rejects.toThrow('no answer in time');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('a resolver that does not answer in time is transient too', async () => {
  const hanging: Resolve = () => new Promise(() => undefined);
  const allowHosts = ['receiver.test:80'];
  const delivery = notifierTo(1, {
    url: 'http://receiver.test/',
    allowHosts,
    timeoutMs: 100,
    resolve: hanging,
  }).deliver(NOTICE, NEVER);
  await expect(delivery).rejects.toMatchObject({ transient: true });
});

test('an answer that never ends was an answer: it is cut off, and the notice is delivered', async () => {
  let sent = 0;
  const { port } = await receiving((_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      // Ends when the other side has hung up: writes to it fail then.
      while (!response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) break;
      }
    };
    response.on('drain', more);
    more();
  });
  await notifierTo(port).deliver(NOTICE, NEVER);
  expect(sent).toBeLessThan(16 * 1024 * 1024);
  const slow = await receiving((_request, response) => void response.writeHead(200).write('.'));
  await notifierTo(slow.port, { timeoutMs: 200 }).deliver(NOTICE, NEVER);
  expect(slow.requests).toHaveLength(1);
});

test('endless headers, and a connection that is cut, are transient', async () => {
  const large = await receiving(status(200, { 'x-large': 'x'.repeat(12_000) }));
  await expect(notifierTo(large.port).deliver(NOTICE, NEVER)).rejects.toMatchObject({
    transient: true,
    detail: `127.0.0.1:${large.port}: HPE_HEADER_OVERFLOW`,
  });
  const cut = await receiving((request) => void request.socket.destroy());
  await expect(notifierTo(cut.port).deliver(NOTICE, NEVER)).rejects.toMatchObject({
    transient: true,
  });
});

test('nobody listens: transient', async () => {
  const server = createTcpServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
  await expect(notifierTo(port).deliver(NOTICE, NEVER)).rejects.toMatchObject({
    transient: true,
    detail: `127.0.0.1:${port}: ECONNREFUSED`,
  });
});

test('the signal ends a delivery', async () => {
  const { port, requests } = await receiving(() => undefined);
  const stop = new AbortController();
  const delivery = notifierTo(port).deliver(NOTICE, stop.signal);
  // Looked at below, when it has been aborted.
  delivery.catch(() => undefined);
  await expect.poll(() => requests.length).toBe(1);
  stop.abort();
  await expect(delivery).rejects.toMatchObject({ transient: true });
  const before = notifierTo(port).deliver(NOTICE, AbortSignal.abort());
  await expect(before).rejects.toMatchObject({ transient: true });
  expect(requests).toHaveLength(1);
});

test('S2: a name of the internet that leads to this machine is refused before anything is sent', async () => {
  const { port, requests } = await receiving(status(200));
  const notifier = notifierTo(port, {
    url: `https://hooks.example.org:${port}/`,
    allowHosts: [],
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  });
  await expect(notifier.deliver(NOTICE, NEVER)).rejects.toMatchObject({ transient: false });
  expect(requests).toEqual([]);
});

test('S3: the connection goes to the address that was checked, whatever the resolver says next', async () => {
  const checked = await receiving(status(200));
  const later = await receiving(status(200), '127.0.0.2');
  let asked = 0;
  const rebinding: Resolve = () => {
    asked += 1;
    return Promise.resolve([{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
  };
  const notifier = notifierTo(checked.port, {
    url: `http://rebind.test:${checked.port}/`,
    allowHosts: [`rebind.test:${checked.port}`],
    resolve: rebinding,
  });
  await notifier.deliver(NOTICE, NEVER);
  expect(asked).toBe(1);
  expect(checked.requests[0]?.headers.host).toBe(`rebind.test:${checked.port}`);
  expect(later.requests).toEqual([]);
});

test('the real resolver finds a name of this machine, and refuses it unless it is allowed', async () => {
  const { port, requests } = await receiving(status(200));
  const url = `http://localhost:${port}/`;
  await notifierTo(port, { url, allowHosts: [`localhost:${port}`] }).deliver(NOTICE, NEVER);
  expect(requests).toHaveLength(1);
  const outside = notifierTo(port, { url: `https://localhost:${port}/`, allowHosts: [] });
  await expect(outside.deliver(NOTICE, NEVER)).rejects.toMatchObject({ transient: false });
});

test('TLS: a receiver proves its name; one that cannot gets nothing', async () => {
  const { key, cert } = certificateFor('receiver.test');
  const requests: Request[] = [];
  const server = createTlsServer({ key, cert }, remembering(requests, status(200)));
  const port = await listening(server);
  const to = (host: string) =>
    notifierTo(port, {
      url: `https://${host}:${port}/`,
      allowHosts: [`${host}:${port}`],
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
  await expect(to('receiver.test').deliver(NOTICE, NEVER)).rejects.toMatchObject({
    detail: `receiver.test:${port}: DEPTH_ZERO_SELF_SIGNED_CERT`,
  });
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  try {
    await expect(to('other.test').deliver(NOTICE, NEVER)).rejects.toMatchObject({
      detail: `other.test:${port}: ERR_TLS_CERT_ALTNAME_INVALID`,
    });
    expect(requests).toEqual([]);
    await to('receiver.test').deliver(NOTICE, NEVER);
  } finally {
    setDefaultCACertificates(before);
  }
  const [request] = requests;
  if (request === undefined) throw new Error('one request');
  expect(await isSigned(request)).toBe(true);
});

test('a secret that changes needs no restart; one that is gone is permanent', async () => {
  const { port, requests } = await receiving(status(200));
  const notifier = notifierTo(port);
  await notifier.deliver(NOTICE, NEVER);
  writeFileSync(secretFile, `whsec_${Buffer.alloc(32, 1).toString('base64')}\n`);
  await notifier.deliver(NOTICE, NEVER);
  const signatures = requests.map(({ headers }) => headers['webhook-signature']);
  expect(new Set(signatures).size).toBe(2);
  rmSync(secretFile);
  await expect(notifier.deliver(NOTICE, NEVER)).rejects.toMatchObject({ transient: false });
});
