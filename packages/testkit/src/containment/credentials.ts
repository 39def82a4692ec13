/** Cases 64 to 73: secrets that a guest may have used and must never hold. */
import { existsSync, readFileSync } from 'node:fs';
import { hitsIn, needlesOf, scanMemory } from './canary.ts';
import { freshSecret, replyForms } from './echo.ts';
import { SOON, type Ground, type Played } from './ground.ts';
import { holdGuest, relayGuest } from './guests.ts';
import { FabricLog } from './log.ts';
import { answersOf, breachRunner, httpCall, speak, type Step } from './spoken.ts';
import {
  answerText,
  grantOf,
  openUpstream,
  secretOf,
  SECRET_REF,
  type Upstream,
} from './upstream.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

const authorizations = ({ arrived }: Upstream): readonly string[] =>
  arrived.map(({ headers }) => headers.authorization ?? '');
const codes = (played: Played): readonly string[] =>
  answersOf(played).map(({ code, status }) => (code === '' ? String(status) : code));
const same = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, at) => text === other[at]);

const expired = async (ground: Ground): Promise<Ending> => {
  ground.secrets.set(SECRET_REF, freshSecret());
  const upstream = await openUpstream(ground, ({ url }, response) => {
    if (url === '/v1/slow') setTimeout(() => response.end('late'), 3_000);
    else response.end('ok');
  });
  const call = (url: string): Step => httpCall({ alias: 'upstream', url });
  const runner = await breachRunner(ground, ['speak']);
  const atUse = await speak(ground, runner, [call('/v1/a'), { sleepMs: 260 }, call('/v1/b')], {
    http: [grantOf(upstream.origin)],
    secrets: [secretOf({ ttlMs: 250 })],
  });
  if (!same(codes(atUse), ['200', 'credential.expired']))
    return escaped(`at use: ${codes(atUse).join(', ')}`);
  const midway = await speak(ground, runner, [call('/v1/slow')], {
    http: [grantOf(upstream.origin)],
    secrets: [secretOf({ ttlMs: 250 })],
  });
  if (!same(codes(midway), ['credential.expired']))
    return escaped(`in mid-request: ${codes(midway).join(', ')}`);
  if (midway.ms > 1_500) return escaped(`it was noticed after ${Math.round(midway.ms)} ms`);
  if (upstream.arrived.some(({ url }) => url === '/v1/b')) return escaped('the call went out');
  return contained('broker', `refused at use; aborted ${Math.round(midway.ms)} ms into a request`);
};

const anothersHandle = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const upstream = await openUpstream(ground, answerText('ok'));
  const holder = await breachRunner(ground, ['speak']);
  const thief = await breachRunner(ground, ['speak']);
  const call = httpCall({ alias: 'upstream', url: '/v1/' });
  const lease = new AbortController();
  // The holder's run is open all the while, so that there is a handle to steal.
  const open = speak(ground, holder, [call, { silence: true }], {
    http: [grantOf(upstream.origin)],
    secrets: [secretOf()],
    signal: lease.signal,
  });
  for (let turn = 0; upstream.arrived.length === 0 && turn < 200; turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const withoutAnyGrant = await speak(ground, thief, [call]);
  const withoutTheSecret = await speak(ground, thief, [call], { http: [grantOf(upstream.origin)] });
  lease.abort();
  await open;
  const carried = authorizations(upstream);
  if (!same(codes(withoutAnyGrant), ['grant.missing']))
    return escaped(`without a grant: ${codes(withoutAnyGrant).join(', ')}`);
  if (!same(codes(withoutTheSecret), ['200'])) return escaped(codes(withoutTheSecret).join(', '));
  if (!same(carried, [`Bearer ${secret}`, ''])) return escaped('the secret went along');
  return contained('broker', 'a grant of its own carries no secret of another swarm');
};

const revokedAndRotated = async (ground: Ground): Promise<Ending> => {
  const seen: string[] = [];
  for (const [why, turn] of [
    ['credential.revoked', () => ground.broker.revoke(SECRET_REF)],
    ['credential.rotated', () => ground.secrets.set(SECRET_REF, freshSecret())],
  ] as const) {
    ground.secrets.set(SECRET_REF, freshSecret());
    const upstream = await openUpstream(ground, answerText('ok'));
    const runner = await breachRunner(ground, ['speak']);
    const call = httpCall({ alias: 'upstream', url: '/v1/' });
    const played = await speak(ground, runner, [call, call, call], {
      http: [grantOf(upstream.origin)],
      secrets: [secretOf()],
      // After its first use.
      onNote: (note) => {
        if (note.kind === 'credential' && upstream.arrived.length === 1) turn();
      },
    });
    // The reply of the use during which it was revoked may be kept from the guest too.
    const [first, ...later] = codes(played);
    if ((first !== '200' && first !== why) || !same(later, [why, why]))
      return escaped(codes(played).join(', '));
    if (upstream.arrived.length !== 1) return escaped(`${upstream.arrived.length} requests`);
    seen.push(why);
  }
  return contained('broker', `${seen.join(' and ')} from the second use on`);
};

/** Ways to write a host or a path that some reader takes for another one. */
const TRICKS = (granted: Upstream, inner: Upstream): readonly string[] => {
  const { port } = granted;
  const at = (rest: string): string => `http://${rest}`;
  return [
    at(`127.0.0.1:${port}@127.0.0.1:${inner.port}/v1/`),
    at(`a:b@127.0.0.1:${port}/v1/`),
    at(`127.0.0.1:${inner.port}#@127.0.0.1:${port}/v1/`),
    at(`127.0.0.1:${inner.port}\\@127.0.0.1:${port}/v1/`),
    at(`127.0.0.1:${inner.port}/v1/`),
    at(`127.0.0.1.:${port}/v1/`),
    at(`[::ffff:127.0.0.1]:${port}/v1/`),
    at(`[::ffff:7f00:1]:${inner.port}/v1/`),
    at(`[::1]:${port}/v1/`),
    at(`2130706433:${inner.port}/v1/`),
    at(`0x7f.1:${inner.port}/v1/`),
    at(`0177.0.0.1:${inner.port}/v1/`),
    at(`127.1:${inner.port}/v1/`),
    at(`0:${inner.port}/v1/`),
    at(`localhost:${inner.port}/v1/`),
    at(`LOCALHOST:${port}/v1/`),
    at(`xn--127-0-0-1:${port}/v1/`),
    at(`127。0。0。1:${inner.port}/v1/`),
    at(`127.0.0.1:0${port}/v1/`),
    at(`127.0.0.1:${port}:${inner.port}/v1/`),
    at(`127.0.0.1/v1/`),
    `https://127.0.0.1:${port}/v1/`,
    `ftp://127.0.0.1:${port}/v1/`,
    `file:///etc/passwd`,
    `gopher://127.0.0.1:${port}/v1/`,
    `//127.0.0.1:${inner.port}/v1/`,
    `/v1/../v2/secret`,
    `/v1/%2e%2e/v2/secret`,
    `/v1/%2E./v2/secret`,
    `/v1/..%2fv2/secret`,
    `/v1/%252e%252e/v2/secret`,
    `/v1/..\\v2\\secret`,
    `/v1/..%5cv2/secret`,
    `/v1/..;/v2/secret`,
    `/v2/secret`,
    `/v1`,
    `/V1/`,
    `/v1\u0000/../v2/`,
    `/v1/\r\nHost: evil`,
    `http:\\\\127.0.0.1:${inner.port}\\v1\\`,
    ` http://127.0.0.1:${inner.port}/v1/`,
    `http://127.0.0.1\t:${inner.port}/v1/`,
  ];
};

const hostTricks = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const granted = await openUpstream(ground, answerText('ok'));
  const inner = await openUpstream(ground, answerText('internal'));
  const tricks = TRICKS(granted, inner);
  const runner = await breachRunner(ground, ['speak']);
  const steps = [undefined, 'upstream'].flatMap((alias) =>
    tricks.map((url) => httpCall({ url, ...(alias !== undefined && { alias }) })),
  );
  const played = await speak(
    ground,
    runner,
    [...steps, httpCall({ alias: 'upstream', url: '/v1/good' })],
    {
      http: [grantOf(granted.origin)],
      secrets: [secretOf()],
      limits: { wallMsMax: 10_000 },
    },
  );
  const answers = answersOf(played);
  if (answers.length !== steps.length + 1)
    return escaped(`${played.report.cause}: ${played.report.detail}`);
  if (inner.connections() > 0)
    return escaped(`reached ${inner.arrived.map(({ url }) => url).join(' ')}`);
  const outside = granted.arrived.filter(
    ({ url }) => !url.startsWith('/v1/') || url.includes('..'),
  );
  if (outside.length > 0) return escaped(`asked for ${outside.map(({ url }) => url).join(' ')}`);
  if (answers.at(-1)?.status !== 200) return escaped('the good one was refused');
  const refused = answers.filter(({ status }) => status === 0).length;
  return contained(
    'broker',
    `${refused} of ${steps.length} refused, none reached another host or path`,
  );
};

const redirectInside = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const inner = await openUpstream(ground, answerText('internal'));
  const other = await openUpstream(ground, answerText('other'));
  const granted = await openUpstream(ground, ({ url }, response) => {
    const to = url.endsWith('inner') ? `${inner.origin}/v1/` : `${other.origin}/v1/`;
    const location = url.endsWith('loop') ? '/v1/loop' : url.endsWith('path') ? '/v2/' : to;
    response.writeHead(url.includes('kept') ? 307 : 302, { location }).end();
  });
  const runner = await breachRunner(ground, ['speak']);
  const calls = ['inner', 'kept-inner', 'path', 'loop', 'other'];
  const played = await speak(
    ground,
    runner,
    calls.map((name) => httpCall({ alias: 'upstream', url: `/v1/${name}` })),
    {
      http: [grantOf(granted.origin), grantOf(other.origin, { alias: 'other' })],
      secrets: [secretOf()],
    },
  );
  const got = codes(played);
  if (inner.connections() > 0) return escaped('the internal host was reached');
  if (granted.arrived.some(({ url }) => url === '/v2/')) return escaped('another path was reached');
  if (got.length !== calls.length || got.slice(0, 4).includes('200'))
    return escaped(got.join(', '));
  // Granted for itself, it is asked; the secret of the first origin does not go along.
  if (!same(authorizations(other), [''])) return escaped('the secret followed the redirect');
  return contained('broker', `${got.slice(0, 4).join(', ')}; a granted target got no secret`);
};

const rebinding = async (ground: Ground): Promise<Ending> => {
  ground.secrets.set(SECRET_REF, freshSecret());
  let questions = 0;
  const granted = await openUpstream(ground, answerText('granted'));
  const inner = await openUpstream(ground, answerText('internal'), '127.0.0.2', granted.port);
  const answers = new Map<string, () => readonly string[]>([
    // Every question is answered differently: what was judged has to be what is dialled.
    ['turning.test', () => ((questions += 1) % 2 === 1 ? ['127.0.0.1'] : ['127.0.0.2'])],
    ['private.test', () => ['127.0.0.1']],
    ['mixed.test', () => ['93.184.216.34', '127.0.0.1']],
    ['metadata.test', () => ['169.254.169.254']],
    ['mapped.test', () => ['::ffff:10.0.0.1']],
  ]);
  const host = await ground.breachHostWith({
    resolve: (name) =>
      Promise.resolve(
        (answers.get(name)?.() ?? []).map((address) => ({
          address,
          family: address.includes(':') ? 6 : 4,
        })),
      ),
  });
  const runner = await breachRunner(ground, ['speak'], host);
  const names = [...answers.keys()];
  const http = names.map((name, at) =>
    grantOf(`http://${name}:${granted.port}`, {
      alias: `name${at}`,
      privateAddress: name === 'turning.test' || name === 'metadata.test',
    }),
  );
  const played = await speak(
    ground,
    runner,
    names.map((_name, at) => httpCall({ alias: `name${at}`, url: '/v1/' })),
    { http },
  );
  const got = codes(played);
  if (inner.connections() > 0) return escaped('the second answer was dialled');
  if (questions !== 1) return escaped(`${questions} questions were asked for one call`);
  const refused = got.slice(1);
  if (got[0] !== '200' || refused.some((code) => code !== 'address.refused'))
    return escaped(got.join(', '));
  return contained('broker', 'asked once and pinned; private, mixed and metadata answers refused');
};

const echoed = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const forms = replyForms(secret);
  const upstream = await openUpstream(ground, ({ url }, response) => {
    forms[url.slice('/v1/'.length)]?.(response);
  });
  const runner = await breachRunner(ground, ['speak']);
  const played = await speak(
    ground,
    runner,
    Object.keys(forms).map((name) => httpCall({ alias: 'upstream', url: `/v1/${name}` })),
    { http: [grantOf(upstream.origin)], secrets: [secretOf()], limits: { wallMsMax: 8_000 } },
  );
  const answers = answersOf(played);
  if (answers.length !== Object.keys(forms).length)
    return escaped(`${played.report.cause}: ${played.report.detail}`);
  for (const [at, name] of Object.keys(forms).entries()) {
    const answer = answers[at];
    const text = Buffer.from(`${answer?.body.toString() ?? ''}${JSON.stringify(answer?.headers)}`);
    const readings = [text, Buffer.from(decodedLoosely(text.toString()))];
    const hits = readings.flatMap((reading) => hitsIn(reading, needlesOf(secret), name));
    if (hits.length > 0) return escaped(`${name}: ${hits.map(({ form }) => form).join(', ')}`);
  }
  const incidents = played.notes.filter(
    (note) => note.kind === 'violation' && note.violation === 'secret-echoed',
  ).length;
  if (incidents !== answers.length) return escaped(`${incidents} incidents of ${answers.length}`);
  // What the parent said to the runner is all that the runner can know of it.
  if (hitsIn(played.report.output, needlesOf(secret), 'output').length > 0)
    return escaped('it stands in what the runner was told');
  return contained('broker', `${answers.length} forms redacted, each an incident`);
};

const decodedLoosely = (text: string): string => {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, '%25'));
  } catch {
    return text;
  }
};

const guestHeaders = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const upstream = await openUpstream(ground, answerText('ok'));
  const runner = await breachRunner(ground, ['speak']);
  const sets: readonly Readonly<Record<string, string>>[] = [
    { authorization: 'Bearer guest', Authorization: 'Basic guest' },
    { host: 'evil.test', Host: 'evil.test', ':authority': 'evil.test' },
    { 'x-a': 'b\r\nx-injected: yes', 'x-b': 'c\nx-injected: yes', 'x-c': 'd\0' },
    { 'x-injected\r\nx-injected': 'yes', 'x injected': 'yes', '': 'yes' },
    { cookie: 'a=b', 'proxy-authorization': 'x', 'x-forwarded-for': '127.0.0.1' },
    { connection: 'upgrade, authorization', upgrade: 'h2c', te: 'trailers' },
    { 'transfer-encoding': 'chunked', 'content-length': '5' },
    { 'x-http-method-override': 'DELETE', 'x-original-url': '/v2/secret' },
  ];
  const played = await speak(
    ground,
    runner,
    sets.map((headers) =>
      httpCall({ alias: 'upstream', url: '/v1/', method: 'POST', headers, body: 'aGVsbG8=' }),
    ),
    { http: [grantOf(upstream.origin)], secrets: [secretOf()] },
  );
  if (answersOf(played).length !== sets.length)
    return escaped(`${played.report.cause}: ${played.report.detail}`);
  for (const { headers, rawHeaders, method, url } of upstream.arrived) {
    const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    const evil = ['x-injected', 'cookie', 'upgrade', 'x-forwarded-for', 'x-original-url'];
    const found = evil.filter((name) => names.includes(name));
    const doubled = ['authorization', 'host'].filter(
      (name) => names.filter((each) => each === name).length !== 1,
    );
    if (found.length + doubled.length > 0) return escaped([...found, ...doubled].join(', '));
    if (headers.authorization !== `Bearer ${secret}`) return escaped('the guest’s authorization');
    if (headers.host !== `127.0.0.1:${upstream.port}`) return escaped(`host ${headers.host}`);
    if (method !== 'POST' || url !== '/v1/') return escaped(`${method} ${url}`);
  }
  return contained('broker', `${upstream.arrived.length} requests carried the broker’s own`);
};

const canary = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const needles = needlesOf(secret);
  let uses = 0;
  const upstream = await openUpstream(ground, ({ headers }, response) => {
    if (headers.authorization === `Bearer ${secret}`) uses += 1;
    response.end(`{"you":"sent ${headers.authorization ?? ''}"}`);
  });
  const module = await relayGuest();
  const log = await FabricLog.open(ground);
  const http = [grantOf(upstream.origin)];
  const secrets = [secretOf()];
  const member = await log.member('holder', 'holder', module, { http, secrets, limits: SOON });
  const runner = await ground.runner();
  const loaded = await ground.load(runner, module);
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  const scans: ReturnType<typeof scanMemory>[] = [];
  const { played } = await member.run(() =>
    ground.play(runner, {
      input: JSON.stringify({ url: `${upstream.origin}/v1/use`, method: 'GET' }),
      http,
      secrets,
      limits: { wallMsMax: 15_000 },
      // The guest has the reply in its memory, and waits.
      onCall: () => {
        scans.push(scanMemory(runner.pid, needles));
        return Promise.resolve(new Uint8Array());
      },
    }),
  );
  const { report, notes } = played;
  if (report.cause !== 'completed' || uses !== 1)
    return escaped(`${report.cause}: ${report.detail}, used ${uses} times`);
  if (!notes.some((note) => note.kind === 'credential')) return escaped('its use was not noted');
  const texts = [report.output, report.log].map((bytes) => Buffer.from(bytes).toString());
  const told = Buffer.from(JSON.stringify([report.detail, report.measure, notes, texts]));
  const hits = [...scans.flatMap((scan) => scan.hits), ...hitsIn(told, needles, 'report')];
  if (hits.length > 0)
    return escaped(`${hits.length} copies: ${hits[0]?.form} in ${hits[0]?.where}`);
  const spoken = await framesOf(ground, upstream);
  if (spoken.length < 50 || hitsIn(spoken, needles, 'frames').length > 0)
    return escaped(`a copy in ${spoken.length} bytes of frames`);
  const journal = await log.scan(needles);
  if (journal.hits > 0) return escaped(`${journal.hits} copies in the fabric’s folder`);
  const control = await controlOf(ground, secret);
  if (control === 0) return escaped('the positive control was not found: the scan is blind');
  const mib = Math.round((scans[0]?.bytes ?? 0) / 1024 / 1024);
  return contained(
    'broker',
    `0 copies in ${mib} MiB of memory, ${spoken.length} bytes of frames, ${journal.bytes} of journal; control ${control}`,
  );
};

/** All that the parent says to a runner whose call is answered with an echo of the secret. */
const framesOf = async (ground: Ground, upstream: Upstream): Promise<Uint8Array> => {
  const runner = await breachRunner(ground, ['speak']);
  const played = await speak(ground, runner, [httpCall({ alias: 'upstream', url: '/v1/frames' })], {
    http: [grantOf(upstream.origin)],
    secrets: [secretOf()],
  });
  const answers: unknown = JSON.parse(Buffer.from(played.report.output).toString() || '[]');
  return Buffer.concat(
    (Array.isArray(answers) ? answers : []).map((text) => Buffer.from(String(text), 'base64')),
  );
};

/** The same scan of a runner whose guest was given the secret: it has to find it. */
const controlOf = async (ground: Ground, secret: string): Promise<number> => {
  const runner = await ground.runner();
  await ground.load(runner, await holdGuest());
  let hits = 0;
  await ground.play(runner, {
    input: secret,
    limits: { wallMsMax: 10_000 },
    onCall: () => {
      hits = scanMemory(runner.pid, needlesOf(secret)).hits.length;
      return Promise.resolve(new Uint8Array());
    },
  });
  return hits;
};

const CORE_NAMES = ['core', 'vgcore'];

const crash = async (ground: Ground): Promise<Ending> => {
  const secret = freshSecret();
  ground.secrets.set(SECRET_REF, secret);
  const upstream = await openUpstream(ground, answerText('ok'));
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await relayGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  const limits = readFileSync(`/proc/${runner.pid}/limits`, 'utf8');
  const { report, notes } = await ground.play(runner, {
    input: JSON.stringify({ url: `${upstream.origin}/v1/use`, method: 'GET' }),
    http: [grantOf(upstream.origin)],
    secrets: [secretOf()],
    onCall: () => {
      process.kill(runner.pid, 'SIGSEGV');
      return new Promise(() => {});
    },
  });
  if (report.cause !== 'crashed') return escaped(`${report.cause}: ${report.detail}`);
  const [, soft, hard] = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  if (soft === undefined || Number(soft) > 1 || Number(hard) > 1)
    return escaped(`a core of ${soft} bytes is allowed`);
  const cores = CORE_NAMES.flatMap((name) => [name, `${name}.${runner.pid}`]).filter((name) =>
    existsSync(name),
  );
  if (cores.length > 0) return escaped(`there is ${cores.join(', ')}`);
  const told = Buffer.from(JSON.stringify([report, notes]) + Buffer.from(report.log).toString());
  if (hitsIn(told, needlesOf(secret), 'report').length > 0) return escaped('the secret is told');
  return contained('rlimits', `crashed: ${report.detail.slice(0, 60)}; no core`, { killed: true });
};

export const CREDENTIALS: readonly ContainmentCase<Ground>[] = [
  {
    number: 64,
    name: 'a credential expired at use and in mid-request',
    by: ['broker'],
    run: expired,
  },
  { number: 65, name: 'a handle of another swarm', by: ['broker'], run: anothersHandle },
  {
    number: 66,
    name: 'a handle after revocation and rotation',
    by: ['broker'],
    run: revokedAndRotated,
  },
  { number: 67, name: 'hosts and paths written in disguise', by: ['broker'], run: hostTricks },
  { number: 68, name: 'a redirect to an internal host', by: ['broker'], run: redirectInside },
  { number: 69, name: 'DNS that answers differently twice', by: ['broker'], run: rebinding },
  { number: 70, name: 'an endpoint that echoes the secret', by: ['broker'], run: echoed },
  { number: 71, name: 'headers of the guest’s own', by: ['broker'], run: guestHeaders },
  {
    number: 72,
    name: 'a scan for a secret that was used, with a control',
    by: ['broker'],
    run: canary,
  },
  { number: 73, name: 'a crash leaves no core and no secret', by: ['rlimits'], run: crash },
];
