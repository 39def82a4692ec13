/**
 * What stands in the runner's place when the guest already owns the runner's JavaScript. It speaks the frames well
 * enough to be given a call, lies wherever it is asked about itself, and then tries what its call names.
 *
 * It is staged alone, with its types stripped, so it imports nothing but node's own modules. What it says of an attempt
 * is told in reports and believed by nobody: whether one came through is seen from outside.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import * as fs from 'node:fs';
import { get } from 'node:http';
import * as inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { hostname, networkInterfaces, tmpdir, userInfo } from 'node:os';
import * as v8 from 'node:v8';
import { Worker } from 'node:worker_threads';

/** What the parent tells of the world outside, so that a failed attempt is not one for want of knowledge. */
interface Outside {
  /** Which attempt of the table. */
  readonly attempt: string;
  readonly secretFile: string;
  readonly dropFolder: string;
  readonly victimFile: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly unixPath: string;
  readonly abstractName: string;
  readonly parentPid: number;
  readonly victimPid: number;
  readonly libraries: readonly string[];
  /** What a new program would have to print for its birth to be seen. */
  readonly birthMark: string;
}

interface Said {
  readonly attempt: string;
  readonly outcome: 'denied' | 'allowed';
  readonly detail: string;
}

/** An answer that takes longer is none, ms. */
const ANSWER_MS_MAX = 400;
const DETAIL_CHARS_MAX = 400;

const TO_LOAD = 0x01;
const TO_CALL = 0x02;
const TO_ADMIT = 0x04;
const TO_ENGINE = 0x05;
const TO_PROBE = 0x06;
const READY = 0x81;
const LOADED = 0x82;
const RESULT = 0x83;
const VERDICT = 0x85;
const PROBED = 0x86;

const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const readExactly = (bytes: number): Buffer => {
  const into = Buffer.alloc(bytes);
  for (let at = 0; at < bytes;) {
    try {
      const got = fs.readSync(0, into, at, bytes - at, null);
      if (got === 0) process.exit(0);
      at += got;
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') throw cause;
      pause(1);
    }
  }
  return into;
};

const writeAll = (bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(1, bytes, at, bytes.length - at);
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') throw cause;
      pause(1);
    }
  }
};

const send = (type: number, payload: Uint8Array): void => {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(payload.length + 1);
  head[4] = type;
  writeAll(Buffer.concat([head, payload]));
};
const sendJson = (type: number, value: unknown): void =>
  send(type, Buffer.from(JSON.stringify(value)));
const sendResult = (status: number, fuel: number, payload: Uint8Array): void => {
  const head = Buffer.alloc(9);
  head[0] = status;
  head.writeDoubleLE(fuel, 1);
  send(RESULT, Buffer.concat([head, payload]));
};

const receive = (): { readonly type: number; readonly payload: Buffer } => {
  const bytes = readExactly(4).readUInt32LE();
  const frame = readExactly(bytes);
  return { type: frame[0] ?? 0, payload: frame.subarray(1) };
};

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? String(value)).slice(0, DETAIL_CHARS_MAX);
};

/** Runs one attempt; what it throws is a denial, and so is silence. */
const attempt = async (name: string, act: () => unknown): Promise<Said> => {
  const silence = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), ANSWER_MS_MAX).unref();
  });
  try {
    const value = await Promise.race([Promise.resolve().then(act), silence]);
    return { attempt: name, outcome: 'allowed', detail: shown(value) };
  } catch (cause) {
    return { attempt: name, outcome: 'denied', detail: shown(codeOf(cause)) };
  }
};

/** The binding that node's own modules stand on, past what they check. */
const internal = (name: string): Record<string, unknown> => {
  const binding: unknown = Reflect.get(process, 'binding');
  if (typeof binding !== 'function') throw new Error('there is no process.binding');
  return Reflect.apply(binding, process, [name]);
};
const calls = (
  target: Record<string, unknown>,
  name: string,
  ...args: readonly unknown[]
): unknown => {
  const member = target[name];
  if (typeof member !== 'function') throw new Error(`there is no ${name}`);
  return Reflect.apply(member, target, args);
};

const builtin = (name: string): Record<string, unknown> => {
  const found: unknown = createRequire(import.meta.url)(name);
  if (typeof found !== 'object' || found === null) throw new Error(`there is no ${name}`);
  return { ...found };
};

/** A socket that answers, or the reason why not. */
const told = (
  start: (yes: (value: unknown) => void, no: (cause: unknown) => void) => void,
): Promise<unknown> => new Promise((resolve, reject) => start(resolve, reject));

/** What a guest that owns the runner would look at first; the rule for our own sources is no matter to it. */
const environment = (): Readonly<Record<string, string>> => ({
  ...Object(Reflect.get(process, 'env')),
});

type Attempts = Readonly<Record<string, (outside: Outside) => unknown>>;

const READ: Attempts = {
  'fs.readFileSync': ({ secretFile }) => fs.readFileSync(secretFile, 'utf8'),
  'of /etc/passwd': () => fs.readFileSync('/etc/passwd', 'utf8'),
  'through /proc/self/root': ({ secretFile }) =>
    fs.readFileSync(`/proc/self/root${secretFile}`, 'utf8'),
  'fs.openAsBlob': async ({ secretFile }) => (await fs.openAsBlob(secretFile)).text(),
  'import()': async ({ secretFile }) => Object.keys(await import(secretFile)),
  'process.loadEnvFile': ({ secretFile }) => {
    process.loadEnvFile(secretFile);
    return environment()['SECRET'];
  },
  'the fs binding': ({ secretFile }) => calls(internal('fs'), 'readFileUtf8', secretFile, 0),
  'a preopen of node:wasi': ({ secretFile }) => {
    const { WASI } = builtin('node:wasi');
    if (typeof WASI !== 'function') throw new Error('there is no WASI');
    const made: unknown = Reflect.construct(WASI, [
      { version: 'preview1', preopens: { '/': '/' } },
    ]);
    return `${typeof made} with ${secretFile}`;
  },
  'listing /': () => fs.readdirSync('/').filter((name) => name === 'etc' || name === 'home'),
};

const WRITE: Attempts = {
  'fs.writeFileSync': ({ dropFolder }) => fs.writeFileSync(`${dropFolder}/write`, 'x'),
  'in the temporary folder': () => fs.writeFileSync(`${tmpdir()}/ifab-breach`, 'x'),
  'fs.mkdirSync': ({ dropFolder }) => fs.mkdirSync(`${dropFolder}/folder`),
  'fs.symlinkSync': ({ dropFolder }) => fs.symlinkSync('/etc/passwd', `${dropFolder}/link`),
  'fs.appendFileSync': ({ victimFile }) => fs.appendFileSync(victimFile, 'x'),
  'fs.truncateSync': ({ victimFile }) => fs.truncateSync(victimFile, 0),
  'fs.rmSync': ({ victimFile }) => fs.rmSync(victimFile),
  'fs.chmodSync': ({ victimFile }) => fs.chmodSync(victimFile, 0o600),
  'a report': ({ dropFolder }) => {
    if (process.report === undefined) throw new Error('there is no process.report');
    process.report.directory = dropFolder;
    const written = process.report.writeReport('report');
    if (written === '') throw new Error('nothing was written');
    return written;
  },
  'a heap snapshot': ({ dropFolder }) => v8.writeHeapSnapshot(`${dropFolder}/heap`),
  'node:sqlite': ({ dropFolder }) => {
    const { DatabaseSync } = builtin('node:sqlite');
    if (typeof DatabaseSync !== 'function') throw new Error('there is no DatabaseSync');
    const opened: unknown = Reflect.construct(DatabaseSync, [`${dropFolder}/sqlite`]);
    return typeof opened;
  },
};

const mark = ({ birthMark }: Outside): string[] => [
  '-e',
  `setTimeout(()=>{},300);console.log(${JSON.stringify(birthMark)})`,
];
const born = (pid: number | undefined): number => {
  if (pid === undefined || pid === 0) throw new Error('no process');
  return pid;
};
const EXEC: Attempts = {
  'child_process.spawnSync': (outside) => born(spawnSync(process.execPath, mark(outside)).pid),
  'child_process.spawn': (outside) =>
    told((yes, no) => {
      const child = spawn(process.execPath, mark(outside), { stdio: 'ignore' });
      child.once('error', no).once('spawn', () => yes(child.pid));
    }),
  'child_process.fork': () =>
    told((yes, no) => {
      const child = fork(process.argv[1] ?? '', { stdio: 'ignore' });
      child.once('error', no).once('spawn', () => yes(child.pid));
    }),
  'a shell': () => born(spawnSync('/bin/sh', ['-c', 'sleep 0.3']).pid),
  'the spawn_sync binding': () => {
    const file = process.execPath;
    const answer = calls(internal('spawn_sync'), 'spawn', { file, args: [file, '-v'], stdio: [] });
    return born(Number(Reflect.get(Object(answer), 'pid') ?? 0));
  },
};

const NETWORK: Attempts = {
  'TCP, net.connect': ({ tcpPort }) =>
    told((yes, no) => {
      const socket = connect(tcpPort, '127.0.0.1', () => yes('connected'));
      socket.once('error', no);
    }),
  'TCP, http.get': ({ tcpPort }) =>
    told((yes, no) => get(`http://127.0.0.1:${tcpPort}/`, yes).once('error', no)),
  'TCP, fetch': async ({ tcpPort }) => (await fetch(`http://127.0.0.1:${tcpPort}/`)).status,
  'TCP, the tcp_wrap binding': ({ tcpPort }) => {
    const { TCP, TCPConnectWrap } = internal('tcp_wrap');
    if (typeof TCP !== 'function' || typeof TCPConnectWrap !== 'function')
      throw new Error('no TCP');
    const handle: Record<string, unknown> = Reflect.construct(TCP, [0]);
    const request: unknown = Reflect.construct(TCPConnectWrap, []);
    const result = Number(calls(handle, 'connect', request, '127.0.0.1', tcpPort));
    if (result < 0) throw new Error(`error ${result}`);
    return result;
  },
  'TCP, a listener': () =>
    told((yes, no) =>
      createServer()
        .once('error', no)
        .listen(0, '127.0.0.1', () => yes('listens')),
    ),
  'UDP, dgram': ({ udpPort }) =>
    told((yes, no) => {
      const socket = createSocket('udp4').once('error', no);
      socket.send('x', udpPort, '127.0.0.1', (cause) => (cause === null ? yes('sent') : no(cause)));
    }),
  'unix, a path': ({ unixPath }) =>
    told((yes, no) => connect(unixPath, () => yes('connected')).once('error', no)),
  'unix, an abstract name': ({ abstractName }) =>
    told((yes, no) => connect(`\0${abstractName}`, () => yes('connected')).once('error', no)),
  'a look-up of a name': () =>
    told((yes, no) =>
      lookup('example.org', (cause, found) => (cause === null ? yes(found) : no(cause))),
    ),
  'the interfaces': () => {
    const found = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
    if (found.length === 0) throw new Error('none but loopback');
    return found;
  },
  'the inspector': () => {
    inspector.open(0, '127.0.0.1');
    const url = inspector.url();
    if (url === undefined) throw new Error('no address');
    return url;
  },
};

const WORKER: Attempts = {
  'a worker thread': () =>
    told((yes, no) => {
      const worker = new Worker('setTimeout(()=>{},300)', { eval: true });
      worker.once('error', no).once('online', () => yes('online'));
    }),
};

const SIGNAL: Attempts = {
  'of the parent': ({ parentPid }) => process.kill(parentPid, 'SIGUSR2'),
  'of what is said to be the parent': () => process.kill(process.ppid, 'SIGUSR2'),
  'that opens the parent’s inspector': ({ parentPid }) =>
    calls({ debug: Reflect.get(process, '_debugProcess') }, 'debug', parentPid),
  'that kills another runner': ({ victimPid }) => process.kill(victimPid, 'SIGKILL'),
};

const PROC: Attempts = {
  'environ of the parent': ({ parentPid }) => fs.readFileSync(`/proc/${parentPid}/environ`, 'utf8'),
  'memory of the parent': ({ parentPid }) => fs.openSync(`/proc/${parentPid}/mem`, 'r+'),
  'environ of process 1': () => fs.readFileSync('/proc/1/environ', 'utf8'),
  'own maps': () => fs.readFileSync('/proc/self/maps', 'utf8').length,
  'own oom_score_adj': () => fs.writeFileSync('/proc/self/oom_score_adj', '-1000'),
  'the list of processes': () => fs.readdirSync('/proc').length,
};

/** What there is to see is looked at by the parent: nothing of its environment may stand in it. */
const ENVIRONMENT: Attempts = {
  'its variables': () => environment(),
  'a report in memory': () =>
    Reflect.get(Object(process.report?.getReport()), 'environmentVariables'),
  'arguments and names': () => [process.argv, hostname(), process.cwd()],
  user: () => userInfo(),
};

const LIBRARY: Attempts = {
  'process.dlopen': ({ libraries }) => {
    for (const library of libraries) process.dlopen({ exports: {} }, library);
    return libraries.length;
  },
  'require of an addon': ({ dropFolder }) => builtin(`${dropFolder}/addon.node`),
};

const IDENTITY: Attempts = {
  'setuid(0)': () => {
    process.setuid?.(0);
    return process.getuid?.();
  },
  'setgid(0)': () => {
    process.setgid?.(0);
    return process.getgid?.();
  },
  setgroups: () => process.setgroups?.([0]),
};

const TABLES: Readonly<Record<string, Attempts>> = {
  read: READ,
  write: WRITE,
  exec: EXEC,
  network: NETWORK,
  worker: WORKER,
  signal: SIGNAL,
  proc: PROC,
  environment: ENVIRONMENT,
  library: LIBRARY,
  identity: IDENTITY,
};

/** Replaces this process: when it works there is nobody left to say so. */
const execute = (outside: Outside): Said => {
  try {
    const replace: unknown = Reflect.get(process, 'execve');
    if (typeof replace !== 'function') throw new Error('there is no process.execve');
    Reflect.apply(replace, process, [process.execPath, [process.execPath, ...mark(outside)], {}]);
    return { attempt: 'process.execve', outcome: 'allowed', detail: 'it returned' };
  } catch (cause) {
    return { attempt: 'process.execve', outcome: 'denied', detail: codeOf(cause) };
  }
};

/** What the call asks the pipe to be given, written as a list of steps; see `frames.ts` of the suite. */
interface Step {
  readonly raw?: string;
  readonly type?: number;
  readonly payload?: string;
  readonly base64?: string;
  readonly times?: number;
  readonly zeros?: number;
  readonly spinMs?: number;
  readonly sleepMs?: number;
  readonly stderrBytes?: number;
  readonly silence?: boolean;
  readonly receive?: boolean;
  readonly repeated?: {
    readonly before: string;
    readonly text: string;
    readonly after: string;
    readonly count: number;
  };
  readonly result?: { readonly status: number; readonly fuel: number; readonly payload: string };
}

const payloadOf = ({ payload, base64, zeros, repeated }: Step): Uint8Array => {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (zeros !== undefined) return new Uint8Array(zeros);
  if (repeated !== undefined) {
    const { before, text, after, count } = repeated;
    return Buffer.from(before + text.repeat(count) + after.repeat(count));
  }
  return Buffer.from(payload ?? '');
};

/** Until it has used so much CPU: on a busy machine that takes longer. */
const spin = (ms: number): void => {
  const used = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  for (const until = used() + ms; used() < until;);
};

/** Until somebody has read it all, or nobody does any more. */
const shout = (bytes: number): void => {
  const part = Buffer.alloc(65_536, 'x');
  for (let at = 0; at < bytes;) {
    try {
      at += fs.writeSync(2, part);
    } catch (cause) {
      if (codeOf(cause) !== 'EAGAIN') return;
      pause(1);
    }
  }
};

/** Says the frames that it is told to say; the answers to those that have one are the result of the call. */
const speak = (steps: readonly Step[]): void => {
  const answers: string[] = [];
  for (const step of steps) {
    if (step.raw !== undefined) writeAll(Buffer.from(step.raw, 'base64'));
    if (step.spinMs !== undefined) spin(step.spinMs);
    if (step.sleepMs !== undefined) pause(step.sleepMs);
    if (step.stderrBytes !== undefined) shout(step.stderrBytes);
    for (let at = 0; step.type !== undefined && at < (step.times ?? 1); at += 1) {
      send(step.type, payloadOf(step));
      if (step.receive === true) answers.push(receive().payload.toString('base64'));
    }
    if (step.silence === true) for (;;) pause(60_000);
    if (step.result !== undefined) {
      sendResult(step.result.status, step.result.fuel, Buffer.from(step.result.payload));
      return;
    }
  }
  sendResult(0, 0, Buffer.from(JSON.stringify(answers)));
};

const call = async (payload: Buffer): Promise<void> => {
  const chars = payload.readUInt16LE();
  const entrypoint = payload.toString('utf8', 2, 2 + chars);
  const input: unknown = JSON.parse(payload.toString('utf8', 2 + chars));
  if (entrypoint === 'speak' && Array.isArray(input)) return speak(input);
  if (entrypoint === 'names') {
    const names = Object.entries(TABLES).map(([table, acts]) => [table, Object.keys(acts)]);
    return sendResult(0, 0, Buffer.from(JSON.stringify(names)));
  }
  const outside: Outside = Object.assign(Object(input));
  if (entrypoint === 'execve')
    return sendResult(0, 0, Buffer.from(JSON.stringify([execute(outside)])));
  const act = TABLES[entrypoint]?.[outside.attempt];
  if (act === undefined) throw new Error(`there is no attempt ${outside.attempt}`);
  sendResult(0, 0, Buffer.from(JSON.stringify(await attempt(outside.attempt, () => act(outside)))));
};

const PROBES = ['read', 'write', 'exec', 'socket', 'signal', 'allocate', 'proc', 'worker'];
const EXPORTS = [...Object.keys(TABLES), 'execve', 'speak', 'names'];

process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
sendJson(READY, { node: process.versions.node, v8: process.versions.v8 });
for (;;) {
  const { type, payload } = receive();
  if (type === TO_ADMIT)
    sendJson(VERDICT, { ok: true, memoryPages: 1, functions: 1, imports: [], exports: EXPORTS });
  else if (type === TO_LOAD || type === TO_ENGINE) sendJson(LOADED, { ok: true, exports: EXPORTS });
  else if (type === TO_PROBE)
    sendJson(PROBED, {
      attempts: PROBES.map((name) => ({ name, outcome: 'denied', detail: 'said the runner' })),
    });
  else if (type === TO_CALL) await call(payload);
}
