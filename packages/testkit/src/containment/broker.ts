/** Cases 53 to 63: the pipe and the broker, asked by somebody who means to overwhelm, confuse or outlast them. */
import { gzipSync } from 'node:zlib';
import { FROM_RUNNER, HOST_FUNCTIONS } from '@infrafabric/fabric/chassis';
import type { Ground, Played, Request } from './ground.ts';
import { floodGuest, numberOf, relayGuest } from './guests.ts';
import { isAlive, rssBytes } from './proc.ts';
import { answersOf, breachRunner, hostCall, httpCall, speak, type Step } from './spoken.ts';
import { answerText, grantOf, openUpstream, secretOf, SECRET_REF } from './upstream.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

const MIB = 1024 * 1024;
/** Host calls of one flood. */
const FLOOD_CALLS = 30_000;
/** What the parent may grow by while it is flooded: buffers that are collected later, not a queue. */
const FLOOD_GROWTH_BYTES_MAX = 48 * MIB;
/** A frame that only announces gigabytes may cost the parent next to nothing. */
const FRAME_GROWTH_BYTES_MAX = 16 * MIB;
const RATE_PER_S = 10;
/** Seen where they arrive, calls are a few milliseconds nearer to each other or further apart than where they began. */
const SECOND_MS = 960;
const CALLS_MAX = 100;
const REPLY_BYTES_MAX = 8 * MIB;
const BOMB_BYTES = 128 * MIB;

const micros = (ms: number, count: number): string => `${((ms * 1_000) / count).toFixed(1)} µs`;
const growth = (before: number): string =>
  `parent ${((process.memoryUsage.rss() - before) / MIB).toFixed(1)} MiB more`;

const floodOfHostCalls = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await floodGuest(FLOOD_CALLS));
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  const nothing = new Uint8Array();
  let calls = 0;
  let together = 0;
  let most = 0;
  const before = process.memoryUsage.rss();
  const { report, ms } = await ground.play(runner, {
    limits: { cpuMsMax: 10_000, wallMsMax: 15_000 },
    onCall: () => {
      calls += 1;
      together += 1;
      most = Math.max(most, together);
      return Promise.resolve(nothing).finally(() => (together -= 1));
    },
  });
  const grown = process.memoryUsage.rss() - before;
  if (most > 1) return escaped(`${most} calls at the same time`);
  if (grown > FLOOD_GROWTH_BYTES_MAX) return escaped(growth(before));
  if (report.cause !== 'completed' || Number(numberOf(report.output)) !== calls)
    return escaped(`${report.cause}: ${report.detail}, ${calls} calls`);
  return contained(
    'pipe',
    `${calls} calls, one at a time, ${micros(ms, calls)} each, ${growth(before)}`,
  );
};

/** The run has to end as the pipe's rules say, and the parent must not have grown. */
const misspoken = async (
  ground: Ground,
  steps: readonly Step[],
  request: Request = {},
): Promise<Played & { readonly grown: number; readonly pid: number }> => {
  const runner = await breachRunner(ground, ['speak']);
  const before = process.memoryUsage.rss();
  const played = await speak(ground, runner, steps, request);
  return { ...played, grown: process.memoryUsage.rss() - before, pid: runner.pid };
};

const lengthOfGigabytes = async (ground: Ground): Promise<Ending> => {
  for (const head of [
    [0xff, 0xff, 0xff, 0xff, FROM_RUNNER.result],
    [0x00, 0x00, 0x00, 0x7f, FROM_RUNNER.log],
    [0x00, 0x00, 0x00, 0x00, 0x00],
  ]) {
    const raw = Buffer.from(head).toString('base64');
    const { report, grown, pid, ms } = await misspoken(ground, [{ raw }, { silence: true }]);
    // A result that announces too much crosses the limit of output; any other frame breaks the pipe's rules.
    if (report.cause !== 'protocol' && report.cause !== 'output')
      return escaped(`${head.join(' ')}: ${report.cause}`);
    if (grown > FRAME_GROWTH_BYTES_MAX) return escaped(`the parent grew by ${grown} bytes`);
    if (isAlive(pid)) return escaped('the runner lives');
    if (ms > 1_000) return escaped(`it took ${Math.round(ms)} ms`);
  }
  return contained('pipe', 'lengths of 4 GiB, 2 GiB and 0 end the runner', { killed: true });
};

const halfAFrame = async (ground: Ground): Promise<Ending> => {
  const raw = Buffer.from([200, 0, 0, 0, FROM_RUNNER.result, 0, 0, 0]).toString('base64');
  const { report, ms } = await misspoken(ground, [{ raw }, { silence: true }], {
    limits: { wallMsMax: 600 },
  });
  if (report.cause !== 'wall' && report.cause !== 'protocol') return escaped(report.cause);
  if (ms > 2_000) return escaped(`it took ${Math.round(ms)} ms`);
  return contained('kill', `${report.cause} after ${Math.round(ms)} ms`, { killed: true });
};

const ONE_RESULT = { status: 0, fuel: 0, payload: 'x' } as const;
const UNASKED: Readonly<Record<string, readonly Step[]>> = {
  'ready again': [{ type: FROM_RUNNER.ready, payload: '{}' }, { silence: true }],
  'loaded again': [{ type: FROM_RUNNER.loaded, payload: '{"ok":true}' }, { silence: true }],
  'a verdict nobody asked for': [
    { type: FROM_RUNNER.verdict, payload: '{"ok":true}' },
    { silence: true },
  ],
  'a type that there is not': [{ type: 0x42, payload: 'x' }, { silence: true }],
  'two host calls at once': [
    hostCall(HOST_FUNCTIONS.call, '{}', { receive: false, times: 2 }),
    { silence: true },
  ],
  'a host function that there is not': [hostCall(99, '{}', { receive: false }), { silence: true }],
};

const unsolicited = async (ground: Ground): Promise<Ending> => {
  for (const [name, steps] of Object.entries(UNASKED)) {
    const { report, pid } = await misspoken(ground, steps, {
      limits: { wallMsMax: 2_000 },
      // Slow enough that the second call comes while the first is under way.
      onCall: () => new Promise((resolve) => setTimeout(() => resolve(new Uint8Array()), 200)),
    });
    if (report.cause !== 'protocol') return escaped(`${name}: ${report.cause} ${report.detail}`);
    if (isAlive(pid)) return escaped(`${name}: the runner lives`);
  }
  // A second result, which no run waits for. The next run of this very runner could be given any answer by it; what
  // matters is that a runner that speaks unasked is seen to, and is not used again.
  const runner = await breachRunner(ground, ['speak']);
  const result = Buffer.concat([Buffer.alloc(9), Buffer.from('forged')]).toString('base64');
  const twice = { type: FROM_RUNNER.result, base64: result, times: 2 };
  await speak(ground, runner, [twice, { silence: true }]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  if (isAlive(runner.pid)) return escaped('a runner that answered twice lives');
  const next = await speak(ground, runner, [{ result: ONE_RESULT }]);
  if (next.report.cause !== 'protocol') return escaped(`after two results: ${next.report.cause}`);
  return contained('pipe', `${Object.keys(UNASKED).length} frames unasked end the runner`, {
    killed: true,
  });
};

const hostileJson = async (ground: Ground): Promise<Ending> => {
  const upstream = await openUpstream(ground, answerText('ok'));
  const grant = grantOf(upstream.origin);
  const runner = await breachRunner(ground, ['speak']);
  const deep = (text: string, after: string): Step => ({
    type: FROM_RUNNER.hostCall,
    // The function's byte stands before its JSON.
    repeated: { before: String.fromCodePoint(HOST_FUNCTIONS.http), text, after, count: 100_001 },
    receive: true,
  });
  const steps: readonly Step[] = [
    deep('[', ']'),
    deep('{"url":', '}'),
    httpCall('{"url":1e308,"alias":1e999}'),
    httpCall('{"url":"\\ud800\\udfff\\ud800","alias":"upstream"}'),
    httpCall('{"url":"/v1/","alias":"upstream","method":"\\u0000GET"}'),
    hostCall(HOST_FUNCTIONS.http, Uint8Array.of(0xff, 0xfe, 0x80)),
    httpCall('null'),
    httpCall('{"url":"/v1/","alias":"upstream"}'),
  ];
  const played = await speak(ground, runner, steps, {
    http: [grant],
    limits: { wallMsMax: 8_000 },
  });
  const { cause, detail } = played.report;
  if (cause === 'protocol')
    return contained('pipe', `protocol: ${detail.slice(0, 80)}`, { killed: true });
  const answers = answersOf(played);
  if (answers.length !== steps.length) return escaped(`${cause}: ${detail}`);
  const last = answers.at(-1)?.status;
  const passed = answers.slice(0, -1).filter(({ status }) => status !== 0);
  if (passed.length > 0 || last !== 200)
    return escaped(`${passed.length} hostile requests went out, the good one got ${last}`);
  return contained('broker', `${answers.length - 1} refused, the good one after them answered`);
};

const polluted = (): boolean => 'polluted' in Object.prototype || 'polluted' in Function.prototype;

const prototypeInRequestAndResult = async (ground: Ground): Promise<Ending> => {
  const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const upstream = await openUpstream(ground, (_request, response) => {
    response
      .writeHead(
        200,
        [
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ].flat(),
      )
      .end(evil);
  });
  const runner = await breachRunner(ground, ['speak']);
  const call = (fields: string): Step => httpCall(`{"url":"/v1/a","alias":"upstream",${fields}}`);
  const played = await speak(
    ground,
    runner,
    [
      call('"__proto__":{"polluted":1,"url":"/v2/"}'),
      call('"headers":{"__proto__":"x","constructor":"y","prototype":"z"}'),
      call('"headers":{"__proto__":{"polluted":"1"}}'),
      httpCall('{"__proto__":{"url":"/v1/b","alias":"upstream"}}'),
      httpCall('{"alias":"__proto__","url":"/v1/c"}'),
      httpCall('{"alias":"constructor","url":"/v1/c"}'),
    ],
    { http: [grantOf(upstream.origin)] },
  );
  const answers = answersOf(played);
  if (polluted()) return escaped('a prototype of the parent was changed');
  if (answers.length !== 6) return escaped(`${played.report.cause}: ${played.report.detail}`);
  const inherited = answers.slice(3).some(({ status }) => status !== 0);
  if (inherited) return escaped('a field of a prototype was taken for one of the request');
  if (upstream.arrived.some(({ url }) => url !== '/v1/a'))
    return escaped(`asked for ${upstream.arrived.map(({ url }) => url).join(' ')}`);
  // The same on the guest's side: what it returns is bytes to the parent, whatever they say.
  const result = await speak(ground, runner, [{ result: { status: 0, fuel: 0, payload: evil } }]);
  if (result.report.cause !== 'completed' || polluted()) return escaped(result.report.cause);
  return contained('broker', 'names of prototypes are names like any other');
};

const burstOverTheSecond = async (ground: Ground): Promise<Ending> => {
  // The clock is set back by an hour in the middle: no token may come of it.
  const startedAt = performance.now();
  const skewMs = (): number => (performance.now() - startedAt > 700 ? -3_600_000 : 0);
  const host = await ground.breachHostWith({
    clock: {
      now: () => Date.now() + skewMs(),
      monotonic: () => performance.now(),
      setTimer: (at, run) => {
        const timer = setTimeout(run, Math.max(0, Math.ceil(at - performance.now())));
        return () => clearTimeout(timer);
      },
    },
  });
  const upstream = await openUpstream(ground, answerText('ok'));
  const runner = await breachRunner(ground, ['speak'], host);
  const one = httpCall({ alias: 'upstream', url: '/v1/' });
  const played = await speak(
    ground,
    runner,
    Array.from({ length: 26 }, () => one),
    {
      http: [grantOf(upstream.origin)],
      limits: { apiCallsPerSecondMax: RATE_PER_S, wallMsMax: 9_000 },
    },
  );
  const times = upstream.arrived.map(({ at }) => at);
  const most = Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + SECOND_MS).length),
  );
  const limited = answersOf(played).filter(({ code }) => code === 'rate.exceeded').length;
  if (most > RATE_PER_S) return escaped(`${most} calls in one second`);
  if (played.report.cause !== 'completed' || limited === 0 || times.length < RATE_PER_S)
    return escaped(`${played.report.cause}, ${times.length} calls, ${limited} refused`);
  if (!played.notes.some((note) => note.kind === 'violation' && note.violation === 'rate'))
    return escaped('no note of it');
  return contained('broker', `at most ${most} in any second, ${limited} refused`);
};

const oneCallTooMany = async (ground: Ground): Promise<Ending> => {
  const upstream = await openUpstream(ground, ({ url }, response) => {
    if (url.endsWith('/again')) response.writeHead(302, { location: '/v1/end' }).end();
    else response.end('ok');
  });
  const runner = await breachRunner(ground, ['speak']);
  const calls = CALLS_MAX / 2 + 2;
  const played = await speak(
    ground,
    runner,
    Array.from({ length: calls }, () => httpCall({ alias: 'upstream', url: '/v1/again' })),
    {
      http: [grantOf(upstream.origin)],
      limits: { networkCallsMax: CALLS_MAX, wallMsMax: 9_000 },
    },
  );
  const answers = answersOf(played);
  const refused = answers.filter(({ code }) => code === 'calls.exhausted').length;
  if (upstream.arrived.length !== CALLS_MAX)
    return escaped(`${upstream.arrived.length} requests arrived`);
  if (played.report.measure.networkCalls !== CALLS_MAX || refused !== 2)
    return escaped(`${played.report.measure.networkCalls} counted, ${refused} refused`);
  return contained('broker', `${CALLS_MAX} dials, redirects among them; ${refused} calls refused`);
};

const tooMuchToRead = async (ground: Ground): Promise<Ending> => {
  const bomb = gzipSync(Buffer.alloc(BOMB_BYTES));
  const upstream = await openUpstream(ground, ({ url }, response) => {
    if (url === '/v1/bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    else if (url === '/v1/announced')
      response.writeHead(200, { 'content-length': String(4 * 1024 * MIB) }).end(Buffer.alloc(MIB));
    else response.writeHead(200).end(Buffer.alloc(REPLY_BYTES_MAX + 1));
  });
  const runner = await breachRunner(ground, ['speak']);
  const before = process.memoryUsage.rss();
  const played = await speak(
    ground,
    runner,
    ['/v1/bomb', '/v1/announced', '/v1/large'].map((url) => httpCall({ alias: 'upstream', url })),
    { http: [grantOf(upstream.origin)], limits: { wallMsMax: 8_000 } },
  );
  const codes = answersOf(played).map(({ code, status }) => code || String(status));
  const [announced] = codes.splice(1, 1);
  if (announced === undefined || announced === '200')
    return escaped(`4 GiB announced: ${announced}`);
  if (codes.length !== 2 || codes.some((code) => code !== 'reply.too_large'))
    return escaped(`${played.report.cause}: ${codes.join(', ')}`);
  if (process.memoryUsage.rss() - before > FLOOD_GROWTH_BYTES_MAX) return escaped(growth(before));
  return contained('broker', `${bomb.length} bytes for ${BOMB_BYTES} refused, ${growth(before)}`);
};

const slowUpstream = async (ground: Ground): Promise<Ending> => {
  const upstream = await openUpstream(ground, (_request, response) => {
    // Headers and a byte now and then: nothing that a limit on silence would end.
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 50);
    response.once('close', () => clearInterval(drip));
  });
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await relayGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  const { report, ms } = await ground.play(runner, {
    input: JSON.stringify({ url: `${upstream.origin}/v1/drip`, method: 'GET' }),
    http: [grantOf(upstream.origin)],
    limits: { wallMsMax: 700 },
  });
  if (report.cause !== 'wall') return escaped(`${report.cause}: ${report.detail}`);
  if (ms > 1_500 || isAlive(runner.pid)) return escaped(`still there after ${Math.round(ms)} ms`);
  return contained('kill', `wall after ${Math.round(ms)} ms, ${report.measure.cpuMs} ms of CPU`, {
    killed: true,
  });
};

const resultAfterKill = async (ground: Ground): Promise<Ending> => {
  ground.secrets.set(SECRET_REF, 'tok_after_the_kill_41f7a2c9');
  const lease = new AbortController();
  let isClosed = false;
  const upstream = await openUpstream(ground, (_request, response) => {
    response.once('close', () => (isClosed = true));
    setTimeout(() => lease.abort(), 50);
    setTimeout(() => response.end('late'), 300);
  });
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await relayGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  let called = 0;
  const { report, ms } = await ground.play(runner, {
    input: JSON.stringify({ url: `${upstream.origin}/v1/late`, method: 'GET' }),
    http: [grantOf(upstream.origin)],
    secrets: [secretOf()],
    signal: lease.signal,
    onCall: () => {
      called += 1;
      return Promise.resolve(new Uint8Array());
    },
  });
  const isGoneAt = await rssBytes(runner.pid);
  await new Promise((resolve) => setTimeout(resolve, 350));
  if (report.cause !== 'revoked') return escaped(`${report.cause}: ${report.detail}`);
  if (report.output.length > 0 || called > 0) return escaped('the reply came through');
  if (isAlive(runner.pid) || isGoneAt > 0) return escaped('the runner lives');
  if (!isClosed) return escaped('the connection was left open');
  return contained('kill', `revoked after ${Math.round(ms)} ms, the connection closed`, {
    killed: true,
  });
};

export const BROKER: readonly ContainmentCase<Ground>[] = [
  { number: 53, name: 'a flood of host calls', by: ['pipe'], run: floodOfHostCalls },
  { number: 54, name: 'a frame of 4 GiB', by: ['pipe'], run: lengthOfGigabytes },
  { number: 55, name: 'half a frame, then silence', by: ['kill', 'pipe'], run: halfAFrame },
  { number: 56, name: 'replies that nobody asked for', by: ['pipe'], run: unsolicited },
  {
    number: 57,
    name: 'JSON 100,001 deep, 1e308, lone surrogates',
    by: ['broker', 'pipe'],
    run: hostileJson,
  },
  {
    number: 58,
    name: '__proto__ in request and result',
    by: ['broker'],
    run: prototypeInRequestAndResult,
  },
  {
    number: 59,
    name: 'a burst over the second, the clock set back',
    by: ['broker'],
    run: burstOverTheSecond,
  },
  {
    number: 60,
    name: 'the 101st network call, redirects counted',
    by: ['broker'],
    run: oneCallTooMany,
  },
  { number: 61, name: 'a reply above the cap, a gzip bomb', by: ['broker'], run: tooMuchToRead },
  { number: 62, name: 'an upstream that drips for ever', by: ['kill'], run: slowUpstream },
  { number: 63, name: 'a reply after the kill', by: ['kill'], run: resultAfterKill },
];
