import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { HttpGrant, SecretGrant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { certificateFor } from '../../../test/certificate.ts';
import { ManualClock } from '../../engine/clock.ts';
import { Fault } from '../../fault.ts';
import type { Resolve } from '../../net/pinned-lookup.ts';
import type { SecretStore } from '../../ports/secret-store.ts';
import type { BrokerReply, BrokerRun, BrokerRunOptions, RunNote } from '../words.ts';
import { createBroker, type BrokerOptions } from './broker.ts';
import { systemClock } from './clock.ts';
import { connect, REPLY_BYTES_MAX } from './dial.ts';
import { createEnding } from './ending.ts';
import { REFUSALS } from './refusals.ts';

const CANARY = 'canary/7f3a+"9c1e&Zq-secret';
const REF = 'vault://if/prod/sip#token';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Name that the client asked for by TLS. */
  readonly sni: string | undefined;
  readonly from: number | undefined;
}

interface Upstream {
  readonly port: number;
  readonly seen: Seen[];
  readonly connections: () => number;
}

const portOf = async (server: Server | ReturnType<typeof createTcpServer>, host = '127.0.0.1') => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  ends.push(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  );
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return address.port;
};

const remembering =
  (seen: Seen[], answer: RequestListener): RequestListener =>
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers, rawHeaders, socket } = request;
      const sni =
        socket instanceof TLSSocket && typeof socket.servername === 'string'
          ? socket.servername
          : undefined;
      const body = Buffer.concat(chunks);
      seen.push({ method, url, headers, rawHeaders, body, sni, from: socket.remotePort });
      answer(request, response);
    });
  };

const upstream = async (
  answer: RequestListener,
  { host, tls }: { host?: string; tls?: { key: string; cert: string } } = {},
): Promise<Upstream> => {
  const seen: Seen[] = [];
  let connections = 0;
  const listener = remembering(seen, answer);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', () => {
    connections += 1;
  });
  return { port: await portOf(server, host), seen, connections: () => connections };
};

const text =
  (body: string | Buffer, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(200, headers).end(body);

/** A store that gives one secret and remembers every Buffer that it gave. */
const storeOf = (secret: string | (() => { bytes: string; version: string })) => {
  const given: Buffer[] = [];
  const asked: string[] = [];
  const store: SecretStore = {
    name: 'memory',
    resolve: ({ path, field }) => {
      asked.push(`${path}#${field}`);
      const { bytes, version } =
        typeof secret === 'string' ? { bytes: secret, version: '1' } : secret();
      const buffer = Buffer.from(bytes);
      given.push(buffer);
      return Promise.resolve({ bytes: buffer, version });
    },
    close: () => Promise.resolve(),
  };
  return { store, given, asked };
};

const toLoopback: Resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

const httpGrant = (port: number, more: Partial<HttpGrant> = {}): HttpGrant => ({
  alias: 'sip',
  origin: `http://sip.test:${port}`,
  methods: ['GET', 'POST'],
  pathPrefix: '/v1/',
  privateAddress: true,
  ...more,
});

const secretGrant = (more: Partial<SecretGrant> = {}): SecretGrant => ({
  alias: 'sip',
  ref: REF,
  inject: { header: 'authorization', prefix: 'Bearer ' },
  ttlMs: 300_000,
  ...more,
});

interface Bench {
  readonly run: BrokerRun;
  readonly notes: RunNote[];
  readonly given: readonly Buffer[];
  readonly asked: readonly string[];
  readonly clock: ManualClock;
  readonly revoke: (ref: string) => void;
  readonly open: (more: Partial<BrokerRunOptions>) => BrokerRun;
}

/** One run with these grants, on a clock that stands still. */
const benchOf = (
  grants: { http: readonly HttpGrant[]; secrets?: readonly SecretGrant[] },
  more: {
    broker?: Partial<BrokerOptions>;
    run?: Partial<BrokerRunOptions>;
    secret?: Parameters<typeof storeOf>[0];
  } = {},
): Bench => {
  const { store, given, asked } = storeOf(more.secret ?? CANARY);
  const clock = new ManualClock();
  const broker = createBroker({ store, clock, resolve: toLoopback, ...more.broker });
  const notes: RunNote[] = [];
  const options: BrokerRunOptions = {
    tenant: { swarmId: 'swarm_a', sessionId: 'session_1' },
    taskId: 'task_1',
    runnerPid: 4_711,
    limits: { apiCallsPerSecondMax: 1_000, networkCallsMax: 100 },
    http: grants.http,
    secrets: grants.secrets ?? [],
    onNote: (note) => notes.push(note),
    ...more.run,
  };
  const open = (others: Partial<BrokerRunOptions>): BrokerRun =>
    broker.open({ ...options, ...others });
  ends.unshift(() => {
    broker.close();
    return Promise.resolve();
  });
  return { run: open({}), notes, given, asked, clock, open, revoke: (ref) => broker.revoke(ref) };
};

const answerOf = (reply: BrokerReply) => {
  if (!reply.ok) throw new Error(`${reply.code}: ${reply.message}`);
  return { ...reply.answer, text: Buffer.from(reply.answer.body, 'base64').toString() };
};
const codeOf = (reply: BrokerReply): string => (reply.ok ? 'ok' : reply.code);
const violations = (notes: readonly RunNote[]) =>
  notes.flatMap((note) => (note.kind === 'violation' ? [note.violation] : []));

test('a call reaches its grant with the secret, and the guest gets the answer without it', async () => {
  const { port, seen } = await upstream(text('reloaded', { 'x-node': 'a', 'set-cookie': 's=1' }));
  const { run, notes, given, asked } = benchOf({
    http: [httpGrant(port)],
    secrets: [secretGrant()],
  });
  const reply = await run.http({
    alias: 'sip',
    method: 'POST',
    url: `http://sip.test:${port}/v1/reload?table=dispatcher`,
    headers: { 'Content-Type': 'text/plain' },
    body: Buffer.from('all').toString('base64'),
  });
  const answer = answerOf(reply);
  expect(answer).toMatchObject({ status: 200, text: 'reloaded' });
  expect(answer.headers).toMatchObject({ 'x-node': 'a' });
  expect(answer.headers).not.toHaveProperty('set-cookie');
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/v1/reload?table=dispatcher' });
  expect(seen[0]?.body.toString()).toBe('all');
  expect(seen[0]?.headers).toMatchObject({
    authorization: `Bearer ${CANARY}`,
    host: `sip.test:${port}`,
    'content-type': 'text/plain',
  });
  expect(asked).toEqual(['if/prod/sip#token']);
  expect(notes).toEqual([
    {
      kind: 'credential',
      alias: 'sip',
      host: `sip.test:${port}`,
      method: 'POST',
      pathHash: hash('sha256', '/v1/reload', 'hex'),
      status: 200,
      bytes: 8,
    },
  ]);
  expect(JSON.stringify([reply, notes])).not.toContain('canary');
  // Every byte that the store gave is zero again.
  expect(given.map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true]);
  expect(run.use()).toMatchObject({ apiCalls: 1, networkCalls: 1 });
  expect(run.use().sentBytes).toBeGreaterThan(100);
  expect(run.use().receivedBytes).toBeGreaterThan(8);
});

test('a path alone is a call of its alias; without an alias the grant is found by the address', async () => {
  const { port, seen } = await upstream(text('ok'));
  const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
  expect(codeOf(await run.http({ url: `http://SIP.test:${port}/v1/b` }))).toBe('ok');
  expect(codeOf(await run.http({ url: '/v1/c' }))).toBe('url.refused');
  expect(seen.map(({ url }) => url)).toEqual(['/v1/a', '/v1/b']);
});

describe('a secret is added where its grant says', () => {
  test.each([
    [{ header: 'x-api-key' }, { 'x-api-key': CANARY }, '/v1/a?b=1'],
    [
      { basic: 'ops' },
      { authorization: `Basic ${Buffer.from(`ops:${CANARY}`).toString('base64')}` },
      '/v1/a?b=1',
    ],
    [{ query: 'key' }, {}, `/v1/a?b=1&key=${encodeURIComponent(CANARY)}`],
  ])('%j', async (inject, headers, target) => {
    const { port, seen } = await upstream(text('ok'));
    const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant({ inject })] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a?b=1&key=mine' }))).toBe('ok');
    const [request] = seen;
    expect(request?.headers).toMatchObject(headers);
    expect(request?.url?.replace('&key=mine', '')).toBe(target);
    if ('query' in inject) expect(request?.url).not.toContain('mine');
  });
});

test('TLS: the name is asked for by SNI and Host, and has to be proved', async () => {
  const tls = certificateFor('sip.test');
  const { port, seen } = await upstream(text('ok'), { tls });
  const origin = (host: string) =>
    httpGrant(port, { origin: `https://${host}:${port}`, pathPrefix: '/' });
  const call = (host: string, ca?: readonly string[]) =>
    benchOf(
      { http: [origin(host)], secrets: [secretGrant()] },
      { broker: ca === undefined ? {} : { ca } },
    ).run.http({ alias: 'sip', url: '/' });
  expect(codeOf(await call('sip.test'))).toBe('upstream.untrusted');
  expect(codeOf(await call('other.test', [tls.cert]))).toBe('upstream.untrusted');
  // What somebody once set for another program of theirs.
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  expect(codeOf(await call('sip.test'))).toBe('upstream.untrusted');
  vi.unstubAllEnvs();
  expect(seen).toEqual([]);
  expect(codeOf(await call('sip.test', [tls.cert]))).toBe('ok');
  expect(seen[0]).toMatchObject({ sni: 'sip.test', headers: { host: `sip.test:${port}` } });
});

test('a secret goes over plain http to the inside only', async () => {
  const grant = httpGrant(80, { origin: 'http://sip.example', privateAddress: false });
  const { run, asked } = benchOf({ http: [grant], secrets: [secretGrant()] });
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/' }))).toBe('credential.plain_http');
  expect(asked).toEqual([]);
});

test('a name inside that leads outside today gets no secret in the clear', async () => {
  const { run, asked } = benchOf(
    { http: [httpGrant(80, { origin: 'http://sip.test' })], secrets: [secretGrant()] },
    { broker: { resolve: () => Promise.resolve([{ address: '93.184.216.34', family: 4 }]) } },
  );
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/' }))).toBe('credential.plain_http');
  expect(asked).toEqual([]);
});

describe('case 64: a credential that has expired', () => {
  test.each([
    ['by both clocks', (clock: ManualClock) => clock.advance(1_000)],
    ['by the wall clock alone', (clock: ManualClock) => clock.stepWall(1_000)],
    [
      'by the monotonic clock, with the wall clock set back',
      (clock: ManualClock) => {
        clock.stepWall(-3_600_000);
        clock.advance(1_000);
      },
    ],
  ])('is refused at its use: %s', async (_how, pass) => {
    const { port, seen } = await upstream(text('ok'));
    const { run, notes, asked, clock } = benchOf({
      http: [httpGrant(port)],
      secrets: [secretGrant({ ttlMs: 1_000 })],
    });
    clock.advance(999);
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
    clock.advance(-999);
    pass(clock);
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.expired');
    expect(seen).toHaveLength(1);
    expect(asked).toHaveLength(1);
    expect(violations(notes)).toEqual(['credential']);
  });

  test.each([
    ['by its timer', (clock: ManualClock) => clock.advance(1_000)],
    [
      'by a jump of the wall clock',
      (clock: ManualClock) => {
        clock.stepWall(1_000);
        clock.advance(100);
      },
    ],
  ])('aborts the request that it is in: %s', async (_how, pass) => {
    const { port, seen } = await upstream((_request, response) => {
      response.writeHead(200).write('half');
    });
    const { run, notes, clock, given } = benchOf({
      http: [httpGrant(port)],
      secrets: [secretGrant({ ttlMs: 1_000 })],
    });
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    await expect.poll(() => seen.length).toBe(1);
    pass(clock);
    expect(codeOf(await reply)).toBe('credential.expired');
    expect(notes).toMatchObject([{ kind: 'credential', status: expect.any(Number) }]);
    expect(given[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test('loses the reply that it asked for, where the clock jumps while it is read', async () => {
    const { port } = await upstream(text('ok'));
    const clock = new ManualClock();
    const { run } = benchOf(
      { http: [httpGrant(port)], secrets: [secretGrant({ ttlMs: 1_000 })] },
      {
        broker: { clock },
        run: {
          onNote: () => {
            clock.stepWall(1_000);
          },
        },
      },
    );
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.expired');
  });

  test('is not written where it expired while the store was asked', async () => {
    const { port, seen } = await upstream(text('ok'));
    const clock = new ManualClock();
    const { run, given } = benchOf(
      { http: [httpGrant(port)], secrets: [secretGrant({ ttlMs: 1_000 })] },
      {
        broker: { clock },
        secret: () => {
          clock.freeze(1_000);
          return { bytes: CANARY, version: '1' };
        },
      },
    );
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.expired');
    expect(seen).toEqual([]);
    expect(given[0]?.every((byte) => byte === 0)).toBe(true);
  });
});

test('case 65: a run that ends takes its handles along and nobody else’s; another swarm has its own', async () => {
  const { port, seen } = await upstream(text('ok'));
  const { run, open } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
  const other = open({ tenant: { swarmId: 'swarm_b', sessionId: 'session_1' }, runnerPid: 4_712 });
  const bare = open({
    tenant: { swarmId: 'swarm_c', sessionId: 'session_1' },
    runnerPid: 4_713,
    secrets: [],
  });
  run.close('ended');
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('run.closed');
  expect(codeOf(await other.http({ alias: 'sip', url: '/v1/b' }))).toBe('ok');
  expect(codeOf(await bare.http({ alias: 'sip', url: '/v1/c' }))).toBe('ok');
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${CANARY}`, undefined]);
});

test('case 66: a revoked reference dies at once, in the middle of a request too', async () => {
  let respond = (): void => undefined;
  const { port, seen } = await upstream((_request, response) => {
    respond = () => void response.writeHead(200).end('late');
  });
  const { run, notes, revoke, open } = benchOf({
    http: [httpGrant(port)],
    secrets: [secretGrant()],
  });
  const reply = run.http({ alias: 'sip', url: '/v1/a' });
  await expect.poll(() => seen.length).toBe(1);
  revoke('vault://if/prod/other#token');
  revoke(REF);
  expect(codeOf(await reply)).toBe('credential.revoked');
  respond();
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.revoked');
  expect(seen).toHaveLength(1);
  expect(violations(notes)).toEqual(['credential']);
  const next = open({}).http({ alias: 'sip', url: '/v1/a' });
  await expect.poll(() => seen.length).toBe(2);
  respond();
  expect(codeOf(await next)).toBe('ok');
});

test('case 66: a new version of the secret ends the handles of the old one', async () => {
  const { port, seen } = await upstream(text('ok'));
  let version = '1';
  const { run, open, given } = benchOf(
    { http: [httpGrant(port)], secrets: [secretGrant()] },
    { secret: () => ({ bytes: `${CANARY}-${version}`, version }) },
  );
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
  version = '2';
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.rotated');
  version = '1';
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.rotated');
  version = '2';
  expect(codeOf(await open({}).http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([
    `Bearer ${CANARY}-1`,
    `Bearer ${CANARY}-2`,
  ]);
  expect(given.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
});

describe('case 67: an address that only looks granted is refused before anything is dialled', () => {
  test.each([
    'http://sip.test@127.0.0.1:PORT/v1/a',
    'http://127.0.0.1:PORT/v1/a',
    'http://2130706433:PORT/v1/a',
    'http://[::ffff:127.0.0.1]:PORT/v1/a',
    'http://sip.test.:PORT/v1/a',
    'http://sip.test:PORT/v1/../admin',
    'http://sip.test:PORT/v1/%2e%2e/admin',
    'http://sip.test:PORT/v1/..%2fadmin',
    'http://sip.test:PORT/v1\\..\\admin',
    'http://sip.test:PORT/admin',
    'https://sip.test:PORT/v1/a',
    'http://sip.test/v1/a',
  ])('%s', async (url) => {
    const { port, connections } = await upstream(text('inside'));
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const reply = await run.http({ url: url.replace('PORT', String(port)) });
    expect(['url.refused', 'grant.missing']).toContain(codeOf(reply));
    expect(connections()).toBe(0);
    expect(violations(notes)).toEqual(['host']);
    expect(run.use()).toMatchObject({ apiCalls: 1, networkCalls: 0 });
  });
});

describe('case 68: redirects', () => {
  const redirecting =
    (status: number, location: string): RequestListener =>
    (_request, response) =>
      void response.writeHead(status, { location }).end();

  test('to an internal host that is not granted is refused', async () => {
    const inside = await upstream(text('metadata'));
    const { port } = await upstream(redirecting(302, `http://127.0.0.1:${inside.port}/latest`));
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('grant.missing');
    expect(inside.connections()).toBe(0);
    expect(violations(notes)).toEqual(['host']);
  });

  test('to a path outside of the grant is refused', async () => {
    const { port, seen } = await upstream(redirecting(307, '/admin'));
    const { run } = benchOf({ http: [httpGrant(port)] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('grant.missing');
    expect(seen).toHaveLength(1);
  });

  test('to another granted origin is followed, without the secret of the first', async () => {
    const other = await upstream(text('there'));
    const { port } = await upstream(redirecting(307, `http://other.test:${other.port}/in?a=1`));
    const grants = [
      httpGrant(port),
      httpGrant(other.port, {
        alias: 'other',
        origin: `http://other.test:${other.port}`,
        pathPrefix: '/in',
      }),
    ];
    const { run } = benchOf({ http: grants, secrets: [secretGrant()] });
    const reply = await run.http({
      alias: 'sip',
      method: 'POST',
      url: '/v1/a',
      body: Buffer.from('body').toString('base64'),
    });
    expect(answerOf(reply).text).toBe('there');
    expect(other.seen[0]).toMatchObject({ method: 'POST', url: '/in?a=1' });
    expect(other.seen[0]?.body.toString()).toBe('body');
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
    expect(run.use()).toMatchObject({ apiCalls: 1, networkCalls: 2 });
  });

  test('to another granted origin with a secret of its own gets that one', async () => {
    const other = await upstream(text('there'));
    const { port } = await upstream(redirecting(302, `http://other.test:${other.port}/in`));
    const grants = [
      httpGrant(port),
      httpGrant(other.port, {
        alias: 'other',
        origin: `http://other.test:${other.port}`,
        pathPrefix: '/in',
      }),
    ];
    const secrets = [
      secretGrant(),
      secretGrant({ alias: 'other', ref: 'vault://if/other#key', inject: { header: 'x-key' } }),
    ];
    const { run, asked } = benchOf({ http: grants, secrets });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
    expect(asked).toEqual(['if/prod/sip#token', 'if/other#key']);
    expect(other.seen[0]?.headers).toMatchObject({ 'x-key': CANARY });
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('a secret that the upstream puts into the location does not travel on', async () => {
    const other = await upstream(text('there'));
    const { port } = await upstream((request, response) => {
      const location = `http://other.test:${other.port}/in${request.url?.slice(5) ?? ''}`;
      response.writeHead(302, { location }).end();
    });
    const grants = [
      httpGrant(port),
      httpGrant(other.port, {
        alias: 'other',
        origin: `http://other.test:${other.port}`,
        pathPrefix: '/in',
      }),
    ];
    const { run, notes } = benchOf({
      http: grants,
      secrets: [secretGrant({ inject: { query: 'key' } })],
    });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
    expect(other.seen[0]?.url).not.toContain('canary');
    expect(other.seen[0]?.url).toContain('redacted');
    expect(violations(notes)).toEqual(['secret-echoed']);
  });

  test('that turn a POST into a GET leave its body behind', async () => {
    const { port, seen } = await upstream((request, response) => {
      if (request.method === 'POST') response.writeHead(303, { location: '/v1/done' });
      response.end('done');
    });
    const { run } = benchOf({ http: [httpGrant(port)] });
    const body = Buffer.from('form').toString('base64');
    const reply = await run.http({ alias: 'sip', method: 'POST', url: '/v1/a', body });
    expect(codeOf(reply)).toBe('ok');
    expect(seen.map(({ method, body: sent }) => `${method} ${sent.toString()}`)).toEqual([
      'POST form',
      'GET ',
    ]);
  });

  test('wait for the rate like calls do', async () => {
    const { port, seen } = await upstream((request, response) => {
      if (request.url === '/v1/a') response.writeHead(302, { location: '/v1/b' });
      response.end('b');
    });
    const { run, clock } = benchOf(
      { http: [httpGrant(port)] },
      { run: { limits: { apiCallsPerSecondMax: 1, networkCallsMax: 10 } } },
    );
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    // One timer is the call's own.
    await expect.poll(() => clock.timers).toBe(2);
    clock.advance(999);
    await new Promise((resolve) => void setTimeout(resolve, 20));
    expect(seen).toHaveLength(1);
    clock.advance(1);
    expect(codeOf(await reply)).toBe('ok');
    expect(seen).toHaveLength(2);
  });

  test('end with the run, while they wait', async () => {
    const { port, seen } = await upstream(redirecting(302, '/v1/a'));
    const { run, clock } = benchOf(
      { http: [httpGrant(port)] },
      { run: { limits: { apiCallsPerSecondMax: 1, networkCallsMax: 10 } } },
    );
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    await expect.poll(() => clock.timers).toBe(2);
    run.close('revoked');
    expect(codeOf(await reply)).toBe('run.closed');
    expect(seen).toHaveLength(1);
  });

  test('in a circle ends, and every turn is counted', async () => {
    const { port, seen } = await upstream(redirecting(302, '/v1/a'));
    const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('redirect.too_many');
    expect(seen).toHaveLength(6);
    expect(run.use()).toMatchObject({ apiCalls: 1, networkCalls: 6 });
  });

  test.each(['http://sip.test\\@127.0.0.1/', 'http://', 'file:///etc/passwd'])(
    'to %s is refused',
    async (location) => {
      const { port, seen } = await upstream(redirecting(302, location));
      const { run } = benchOf({ http: [httpGrant(port)] });
      expect(await run.http({ alias: 'sip', url: '/v1/a' })).toMatchObject({ ok: false });
      expect(seen).toHaveLength(1);
    },
  );
});

describe('case 69: DNS rebinding', () => {
  test('a call dials the address that was judged, whatever the resolver says next', async () => {
    const judged = await upstream(text('judged'));
    const later = createServer(text('later'));
    let reached = 0;
    later.on('connection', () => {
      reached += 1;
    });
    await new Promise<void>((resolve) => {
      later.listen(judged.port, '127.0.0.2', resolve);
    });
    ends.push(async () => {
      later.closeAllConnections();
      await new Promise((resolve) => later.close(resolve));
    });
    let asked = 0;
    const rebinding: Resolve = () => {
      asked += 1;
      return Promise.resolve([{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    };
    const { run } = benchOf(
      { http: [httpGrant(judged.port)], secrets: [secretGrant()] },
      { broker: { resolve: rebinding } },
    );
    expect(answerOf(await run.http({ alias: 'sip', url: '/v1/a' })).text).toBe('judged');
    expect([asked, reached]).toEqual([1, 0]);
    expect(judged.seen[0]?.headers.host).toBe(`sip.test:${judged.port}`);
    expect(answerOf(await run.http({ alias: 'sip', url: '/v1/a' })).text).toBe('later');
    expect(asked).toBe(2);
  });

  test.each([
    [['127.0.0.1']],
    [['169.254.169.254']],
    [['::1']],
    [['::ffff:10.0.0.1']],
    [['93.184.216.34', '127.0.0.1']],
  ])('a public name that turns to %j is refused, and nothing is sent', async (addresses) => {
    const { port, connections } = await upstream(text('inside'));
    const grant = httpGrant(port, {
      origin: `https://sip.example:${port}`,
      privateAddress: false,
    });
    const { run, notes, asked } = benchOf(
      { http: [grant], secrets: [secretGrant()] },
      {
        broker: {
          resolve: () =>
            Promise.resolve(
              addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
            ),
        },
      },
    );
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('address.refused');
    expect(connections()).toBe(0);
    expect(asked).toEqual([]);
    expect(violations(notes)).toEqual(['address']);
  });

  test('a private grant leads to no metadata of the machine', async () => {
    const { run } = benchOf(
      { http: [httpGrant(80)] },
      { broker: { resolve: () => Promise.resolve([{ address: '169.254.169.254', family: 4 }]) } },
    );
    expect(codeOf(await run.http({ alias: 'sip', url: 'http://sip.test:80/v1/' }))).toBe(
      'address.refused',
    );
  });
});

describe('case 70: an endpoint that echoes the secret', () => {
  const bytes = Buffer.from(CANARY);
  const hex = bytes.toString('hex');
  const ECHOES: readonly (readonly [string, string | Buffer])[] = [
    ['raw', `token=${CANARY};`],
    ['in upper case', CANARY.toUpperCase()],
    ['base64', bytes.toString('base64')],
    ['base64 after one byte', Buffer.concat([Buffer.from('x'), bytes]).toString('base64')],
    ['base64 after two bytes', Buffer.concat([Buffer.from('xy'), bytes]).toString('base64')],
    ['base64url', bytes.toString('base64url')],
    ['base64 in lines', bytes.toString('base64').replaceAll(/.{8}/g, '$&\r\n')],
    ['basic', Buffer.from(`ops:${CANARY}`).toString('base64')],
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ['percent', encodeURIComponent(CANARY)],
    ['percent, every byte', hex.replaceAll(/../g, '%$&')],
    ['percent twice', encodeURIComponent(encodeURIComponent(CANARY))],
    ['JSON', JSON.stringify({ authorization: `Bearer ${CANARY}` })],
    ['JSON, all escaped', hex.replaceAll(/../g, '\\u00$&')],
    ['JSON in JSON', JSON.stringify({ body: JSON.stringify({ token: CANARY }) })],
    ['HTML', CANARY.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
    ['UTF-16', Buffer.from(CANARY, 'utf16le')],
  ];

  test.each(ECHOES)('%s', async (_form, echo) => {
    const { port } = await upstream(text(echo));
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/echo' }));
    expect(answer.text).toContain('[redacted]');
    const left = Buffer.from(answer.body, 'base64').toString('latin1');
    for (const form of [CANARY, hex, bytes.toString('base64').slice(2, -4)]) {
      expect(left.toLowerCase()).not.toContain(form.toLowerCase());
    }
    expect(violations(notes)).toEqual(['secret-echoed']);
    expect(JSON.stringify(notes)).not.toContain('canary');
  });

  test('split over chunks of one byte', async () => {
    const { port } = await upstream((_request, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      const all = `before ${CANARY} after`.split('');
      const next = (): void => {
        const char = all.shift();
        if (char === undefined) response.end();
        else response.write(char, () => void setImmediate(next));
      };
      next();
    });
    const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/echo' }));
    expect(answer.text).toBe('before [redacted] after');
  });

  test.each([
    ['gzip', gzipSync(CANARY)],
    ['x-gzip', gzipSync(CANARY)],
    ['Identity', Buffer.from(CANARY)],
    ['gzip', Buffer.concat([gzipSync(CANARY.slice(0, 9)), gzipSync(CANARY.slice(9))])],
    ['deflate', deflateSync(CANARY)],
    ['deflate', deflateRawSync(CANARY)],
    ['br', brotliCompressSync(CANARY)],
  ])('compressed: %s', async (encoding, body) => {
    const { port } = await upstream(text(body, { 'content-encoding': encoding }));
    const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/echo' }));
    expect(answer.text).toBe('[redacted]');
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  test.each(['zstd', 'gzip, gzip', 'compress', 'gzip', 'constructor'])(
    'a coding that cannot be undone is refused: %s',
    async (encoding) => {
      const { port } = await upstream(text(CANARY, { 'content-encoding': encoding }));
      const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
      expect(codeOf(await run.http({ alias: 'sip', url: '/v1/echo' }))).toBe('reply.encoding');
    },
  );

  test('in headers, by value and by name', async () => {
    const { port } = await upstream(
      text('ok', {
        'x-echo': `Bearer ${CANARY}`,
        etag: bytes.toString('base64'),
        [`x-${hex}`]: '1',
        'x-plain': 'stays',
      }),
    );
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const { headers } = answerOf(await run.http({ alias: 'sip', url: '/v1/echo' }));
    expect(headers).toMatchObject({
      'x-echo': 'Bearer [redacted]',
      etag: '[redacted]',
      'x-plain': 'stays',
    });
    expect(JSON.stringify(headers)).not.toContain(hex);
    expect(violations(notes)).toEqual(['secret-echoed']);
  });

  test('a reply without the secret is passed on byte for byte', async () => {
    const body = Buffer.from(Array.from({ length: 4_096 }, (_each, at) => (at * 7) % 256));
    const { port } = await upstream(text(body));
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/echo' }));
    expect(Buffer.from(answer.body, 'base64').equals(body)).toBe(true);
    expect(violations(notes)).toEqual([]);
  });
});

test('case 71: headers that a guest sets for others, and headers that break lines, are not sent', async () => {
  const { port, seen } = await upstream(text('ok'));
  const { run } = benchOf({
    http: [httpGrant(port)],
    secrets: [secretGrant({ inject: { header: 'x-api-key' } })],
  });
  const reply = await run.http({
    alias: 'sip',
    url: '/v1/a',
    headers: {
      Authorization: 'Bearer mine',
      AUTHORIZATION: 'Bearer mine too',
      Cookie: 'a=b',
      Host: 'internal.test',
      'X-Api-Key': 'mine',
      'Transfer-Encoding': 'chunked',
      'Content-Length': '99',
      'X-Forwarded-For': '127.0.0.1',
      'X-HTTP-Method-Override': 'DELETE',
      'X-Original-URL': '/admin',
      'x-line': 'a\r\nauthorization: Bearer smuggled',
      'x-nul': 'a\0b',
      'x\r\ninjected': '1',
      'x-kept': 'yes',
    },
  });
  expect(codeOf(reply)).toBe('ok');
  const headers = seen[0]?.headers ?? {};
  expect(headers).toEqual({
    host: `sip.test:${port}`,
    'accept-encoding': 'gzip, deflate, br',
    connection: 'close',
    'user-agent': 'infrafabric',
    'x-kept': 'yes',
    'x-api-key': CANARY,
  });
});

describe('case 60: the network calls of a run are counted before they are dialled', () => {
  test('the 101st is refused, and is not dialled', async () => {
    const { port, seen, connections } = await upstream(text('ok'));
    const { run, notes } = benchOf({ http: [httpGrant(port)] });
    for (let call = 1; call <= 100; call += 1) {
      expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
    }
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('calls.exhausted');
    expect([seen.length, connections()]).toEqual([100, 100]);
    expect(violations(notes)).toEqual(['network-calls']);
    expect(run.use()).toMatchObject({ apiCalls: 101, networkCalls: 100 });
    // Every call had a connection of its own.
    expect(new Set(seen.map(({ from }) => from)).size).toBe(100);
  });

  test('redirects and failed dials count', async () => {
    const { port } = await upstream((request, response) => {
      if (request.url === '/v1/a') response.writeHead(302, { location: '/v1/b' }).end();
      else response.end('b');
    });
    const { run } = benchOf(
      { http: [httpGrant(port), httpGrant(1, { alias: 'gone', origin: 'http://gone.test:1' })] },
      { run: { limits: { apiCallsPerSecondMax: 100, networkCallsMax: 3 } } },
    );
    expect(codeOf(await run.http({ alias: 'gone', url: '/v1/a' }))).toBe('upstream.unreachable');
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('ok');
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/b' }))).toBe('calls.exhausted');
  });
});

describe('case 61: a reply above the limit', () => {
  test('is cut off while it comes', async () => {
    let sent = 0;
    const { port } = await upstream((_request, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(65_536);
      const more = (): void => {
        while (!response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) break;
        }
      };
      response.on('drain', more);
      more();
    });
    const { run } = benchOf({ http: [httpGrant(port)] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('reply.too_large');
    expect(sent).toBeLessThan(REPLY_BYTES_MAX * 4);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('is refused after decompression: %s', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(REPLY_BYTES_MAX + 1));
    expect(bomb.length).toBeLessThan(16_384);
    const { port } = await upstream(text(bomb, { 'content-encoding': encoding }));
    const { run } = benchOf({ http: [httpGrant(port)] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('reply.too_large');
  });

  test('in chunks of one byte takes the memory of its bytes, and not of its chunks', async () => {
    const bytes = 1_000_000;
    const wire = Buffer.from(`${'1\r\nx\r\n'.repeat(bytes)}0\r\n\r\n`);
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        socket.end(wire);
      });
    });
    const port = await portOf(server);
    const { run } = benchOf({ http: [httpGrant(port)] });
    const before = process.memoryUsage().heapUsed;
    let mostBytes = 0;
    const look = setInterval(() => {
      mostBytes = Math.max(mostBytes, process.memoryUsage().heapUsed - before);
    }, 5);
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/a' }));
    clearInterval(look);
    expect(answer.text).toHaveLength(bytes);
    // As many objects were 200 MB.
    expect(mostBytes).toBeLessThan(100_000_000);
  });

  test('of the largest size passes', async () => {
    const { port } = await upstream(
      text(gzipSync(Buffer.alloc(REPLY_BYTES_MAX, 0x61)), { 'content-encoding': 'gzip' }),
    );
    const { run } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const answer = answerOf(await run.http({ alias: 'sip', url: '/v1/a' }));
    expect(answer.text).toHaveLength(REPLY_BYTES_MAX);
  });
});

describe('case 62: a slow upstream', () => {
  test('ends with its run, at the wall limit', async () => {
    const { port, seen } = await upstream(() => undefined);
    const { run, given } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    await expect.poll(() => seen.length).toBe(1);
    run.close('ended');
    expect(codeOf(await reply)).toBe('run.closed');
    expect(given[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test('that trickles ends at the longest life of a call', async () => {
    const { port, seen } = await upstream((_request, response) => {
      response.writeHead(200).write('.');
    });
    const { run, clock } = benchOf({ http: [httpGrant(port)] }, { broker: { callMsMax: 5_000 } });
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    await expect.poll(() => seen.length).toBe(1);
    clock.advance(5_000);
    expect(codeOf(await reply)).toBe('upstream.slow');
  });

  test('whose name or handshake never ends is left', async () => {
    const silent = createTcpServer();
    const port = await portOf(silent);
    const never: Resolve = () => new Promise(() => undefined);
    const secure = httpGrant(port, { origin: `https://sip.test:${port}` });
    for (const broker of [{ resolve: never }, {}]) {
      const { run } = benchOf({ http: [secure] }, { broker });
      const reply = run.http({ alias: 'sip', url: '/v1/a' });
      await new Promise((resolve) => void setTimeout(resolve, 20));
      run.close('revoked');
      expect(codeOf(await reply)).toBe('run.closed');
    }
  });

  test('a store that never answers is left, and what it gives later is zeroed', async () => {
    const { port, seen } = await upstream(text('ok'));
    const late = Buffer.from(CANARY);
    let give = (): void => undefined;
    const store: SecretStore = {
      name: 'slow',
      resolve: () =>
        new Promise((resolve) => {
          give = () => {
            resolve({ bytes: late, version: '1' });
          };
        }),
      close: () => Promise.resolve(),
    };
    const { run } = benchOf(
      { http: [httpGrant(port)], secrets: [secretGrant()] },
      { broker: { store } },
    );
    const reply = run.http({ alias: 'sip', url: '/v1/a' });
    await new Promise((resolve) => void setTimeout(resolve, 50));
    run.close('revoked');
    expect(codeOf(await reply)).toBe('run.closed');
    give();
    await expect.poll(() => late.every((byte) => byte === 0)).toBe(true);
    expect(seen).toEqual([]);
  });
});

test('case 63: a result that comes after the end is dropped', async () => {
  let respond = (): void => undefined;
  const { port, seen } = await upstream((_request, response) => {
    respond = () => void response.end('too late');
  });
  const { run, notes } = benchOf({ http: [httpGrant(port)] });
  const reply = run.http({ alias: 'sip', url: '/v1/a' });
  await expect.poll(() => seen.length).toBe(1);
  run.close('revoked');
  run.close('ended');
  respond();
  expect(await reply).toMatchObject({ ok: false, code: 'run.closed' });
  expect(await run.http({ alias: 'sip', url: '/v1/a' })).toMatchObject({ code: 'run.closed' });
  expect(seen).toHaveLength(1);
  expect(notes).toEqual([]);
});

test('case 63: what a run has used, and where its secret went, is known in the turn that closes it', async () => {
  const { port, seen } = await upstream((_request, response) => {
    response.writeHead(200).write('x'.repeat(1_000));
  });
  const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
  const reply = run.http({ alias: 'sip', url: '/v1/a' });
  await expect.poll(() => seen.length).toBe(1);
  await expect.poll(() => run.use().receivedBytes).toBeGreaterThan(1_000);
  run.close('revoked');
  expect(notes).toMatchObject([{ kind: 'credential', alias: 'sip', status: 0, bytes: 0 }]);
  const { sentBytes, receivedBytes } = run.use();
  expect([sentBytes > 100, receivedBytes > 1_000]).toEqual([true, true]);
  await reply;
  expect(run.use()).toMatchObject({ sentBytes, receivedBytes });
  expect(notes).toHaveLength(1);
});

test('case 63: a run that is closed in the turn of its answer gets none', async () => {
  const { port } = await upstream(text('answer'));
  const clock = new ManualClock();
  const runs: BrokerRun[] = [];
  const closing = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    // The call's own timer is cancelled when its answer is there.
    setTimer: (at: number, fn: () => void) => {
      const cancel = clock.setTimer(at, fn);
      return () => {
        cancel();
        for (const each of runs) each.close('revoked');
      };
    },
  };
  const { run } = benchOf({ http: [httpGrant(port)] }, { broker: { clock: closing } });
  runs.push(run);
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('run.closed');
});

describe('a connection', () => {
  test('that ends up elsewhere than it was sent is refused before anything is written', async () => {
    const { port, seen } = await upstream(text('elsewhere'));
    const opened = await connect(
      {
        hostname: '127.0.0.1',
        port,
        isSecure: false,
        addresses: [{ address: '127.0.0.2', family: 4 }],
        ca: undefined,
      },
      createEnding(),
    );
    expect(opened).toMatchObject({
      ok: false,
      code: 'address.refused',
      violation: { violation: 'address' },
    });
    expect(seen).toEqual([]);
  });

  test('does not begin for a call that has ended', async () => {
    const { port } = await upstream(text('ok'));
    const ending = createEnding();
    ending.end('upstream.slow');
    ending.end('run.closed');
    const addresses = [{ address: '127.0.0.1', family: 4 }];
    const where = { hostname: 'sip.test', port, isSecure: false, addresses, ca: undefined };
    expect(await connect(where, ending)).toMatchObject({ ok: false, code: 'upstream.slow' });
  });

  test('is closed where nothing was sent over it', async () => {
    const server = createTcpServer();
    const port = await portOf(server);
    let open = 0;
    server.on('connection', (socket: Socket) => {
      open += 1;
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open -= 1;
      });
      socket.resume();
    });
    const { run } = benchOf(
      { http: [httpGrant(port)], secrets: [secretGrant()] },
      { secret: 'short' },
    );
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('credential.unusable');
    await expect.poll(() => open).toBe(0);
  });
});

describe('the world breaks', () => {
  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    [
      'an upgrade',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    ],
    ['a short body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ['nothing', ''],
    ['endless headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`],
  ])('the upstream says %s', async (_what, says) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => void socket.end(says));
    });
    const port = await portOf(server);
    const { run, notes } = benchOf({ http: [httpGrant(port)], secrets: [secretGrant()] });
    expect(codeOf(await run.http({ alias: 'sip', url: '/v1/a' }))).toBe('upstream.broken');
    // The secret was written: the log hears of it.
    expect(notes).toMatchObject([{ kind: 'credential', alias: 'sip' }]);
  });

  test('a name without an address, and a resolver that fails', async () => {
    for (const resolve of [
      () => Promise.resolve([]),
      () => Promise.reject(new Error('ENOTFOUND canary')),
    ]) {
      const { run } = benchOf({ http: [httpGrant(80)] }, { broker: { resolve } });
      const reply = await run.http({ alias: 'sip', url: 'http://sip.test:80/v1/' });
      expect(codeOf(reply)).toBe('upstream.unresolved');
    }
  });

  test('a store that fails: the guest hears its code, the host all of it', async () => {
    const { port, seen } = await upstream(text('ok'));
    const fault = new Fault('secret.denied', { transient: false, detail: `file of ${CANARY}` });
    for (const [cause, about] of [
      [fault, 'sip (secret.denied): '],
      [new Error(`no such file: ${CANARY}`), 'sip: '],
    ] as const) {
      const faults: unknown[] = [];
      const store: SecretStore = {
        name: 'broken',
        resolve: () => Promise.reject(cause),
        close: () => Promise.resolve(),
      };
      const { run, notes } = benchOf(
        { http: [httpGrant(port)], secrets: [secretGrant()] },
        { broker: { store, onFault: (each) => faults.push(each) } },
      );
      const reply = await run.http({ alias: 'sip', url: '/v1/a' });
      expect(reply).toMatchObject({ code: 'credential.unavailable' });
      expect(reply.ok ? '' : reply.message.slice(0, about.length)).toBe(about);
      expect(JSON.stringify([reply, notes])).not.toContain('canary');
      expect(faults).toEqual([{ alias: 'sip', ref: REF, cause }]);
    }
    expect(seen).toEqual([]);
  });

  test.each(['short', `line\r\n${CANARY}`, 'x'.repeat(9_000)])(
    'a secret that cannot be sent is not',
    async (secret) => {
      const { port, seen } = await upstream(text('ok'));
      const { run, given } = benchOf(
        { http: [httpGrant(port)], secrets: [secretGrant()] },
        { secret },
      );
      const reply = await run.http({ alias: 'sip', url: '/v1/a' });
      expect(codeOf(reply)).toBe('credential.unusable');
      expect(seen).toEqual([]);
      expect(given[0]?.every((byte) => byte === 0)).toBe(true);
    },
  );
});

test('every refusal stands in the guide, word for word', () => {
  const guide = readFileSync(
    new URL('../../../../../docs/guides/credentials.md', import.meta.url),
    'utf8',
  );
  for (const [code, message] of Object.entries(REFUSALS))
    expect(guide).toContain(`| \`${code}\` | ${message} |`);
});

test('one call at a time: a second one is refused while the first is under way', async () => {
  const { port, seen } = await upstream(() => undefined);
  const { run } = benchOf({ http: [httpGrant(port)] });
  const first = run.http({ alias: 'sip', url: '/v1/a' });
  expect(codeOf(await run.http({ alias: 'sip', url: '/v1/b' }))).toBe('call.busy');
  await expect.poll(() => seen.length).toBe(1);
  run.close('ended');
  await first;
});

test('case 59: a flood in real time passes its rate and no more, and its refusals wait', async () => {
  const { port } = await upstream(text('ok'));
  const at: number[] = [];
  const { run, notes } = benchOf(
    { http: [httpGrant(port)] },
    {
      broker: { clock: systemClock },
      run: { limits: { apiCallsPerSecondMax: 10, networkCallsMax: 100 } },
    },
  );
  const start = performance.now();
  let refused = 0;
  while (performance.now() - start < 2_200) {
    const asked = performance.now();
    const reply = await run.http({ alias: 'sip', url: '/v1/a' });
    if (reply.ok) at.push(asked);
    else refused += 1;
  }
  // In no second more than ten, wherever it begins.
  for (const [index, time] of at.entries()) {
    const tenth = at[index + 10];
    if (tenth !== undefined) expect(tenth - time).toBeGreaterThan(990);
  }
  expect(at.length).toBeGreaterThanOrEqual(20);
  expect(at.length).toBeLessThanOrEqual(30);
  // A refusal comes when there is a token again, so that the next call passes: nobody can spin on them.
  expect(refused).toBeLessThanOrEqual(at.length + 1);
  expect(violations(notes)).toEqual(Array.from({ length: refused }, () => 'rate'));
});
