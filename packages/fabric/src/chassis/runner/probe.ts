/**
 * Tries what the layers should deny, with the means that JavaScript has in this process. It is the runner's own word, of
 * a runner that has never run a guest: the host adds what it sees from outside, and judges.
 *
 * Modules are loaded here, not at the start: most runners are never probed.
 *
 * Nothing here waits for an event loop: each attempt is synchronous, or its outcome is there after the next tick.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ProbeAttempt } from '../words.ts';

type Name = ProbeAttempt['name'];

/** More than any runner's address space may hold: the largest guest's 2 GiB, node's own 1.2 GiB and the slack. */
const ALLOCATE_BYTES = 4 * 1024 * 1024 * 1024;
/** A process that may be started answers within, ms; a busy machine included. */
const EXEC_MS_MAX = 5_000;
/** A thread that may be started says so within, ms. */
const WORKER_MS_MAX = 2_000;
/** Ticks after which a socket's error has been told. */
const TICKS = 4;

const codeOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return 'thrown';
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
};

/** Allowed with what it says, denied with the code of what it throws. */
const attempt = (name: Name, act: () => string): ProbeAttempt => {
  try {
    return { name, outcome: 'allowed', detail: act() };
  } catch (thrown) {
    return { name, outcome: 'denied', detail: codeOf(thrown) };
  }
};

/** Allowed if one way is; the detail names every way with its outcome. */
const anyOf = (name: Name, ways: readonly (readonly [string, () => unknown])[]): ProbeAttempt => {
  const outcomes = ways.map(([way, act]) => ({ way, ...attempt(name, () => String(act())) }));
  return {
    name,
    outcome: outcomes.some(({ outcome }) => outcome === 'allowed') ? 'allowed' : 'denied',
    detail: outcomes.map(({ way, detail }) => `${way} ${detail}`).join(', '),
  };
};

const writeAt = (path: string): string => {
  writeFileSync(path, '');
  rmSync(path, { force: true });
  return 'written';
};

const exec = (): string => {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { error, status } = spawnSync(process.execPath, ['-v'], { timeout: EXEC_MS_MAX });
  if (error !== undefined) throw error;
  return `exit ${status}`;
};

/** Sees whether a thread ran by the mark that it leaves in shared memory. */
const startWorker = (): string => {
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const mark = new Int32Array(new SharedArrayBuffer(4));
  const source =
    "const { workerData } = require('node:worker_threads'); workerData[0] = 1; Atomics.notify(workerData, 0);";
  const worker = new Worker(source, { eval: true, workerData: mark, stdout: true, stderr: true });
  worker.once('error', () => undefined);
  const outcome = Atomics.wait(mark, 0, 0, WORKER_MS_MAX);
  void worker.terminate();
  if (outcome === 'timed-out') throw new Error('no thread ran');
  return 'ran';
};

const signal = (hostPid: number | undefined): ProbeAttempt => {
  const pid = hostPid ?? process.ppid;
  // The first process of an own pid namespace is the jail's, not the host; without the host's pid nobody can say more.
  if (hostPid === undefined && pid <= 1)
    return { name: 'signal', outcome: 'denied', detail: 'the parent is not to be seen' };
  return attempt('signal', () => {
    process.kill(pid, 0);
    return `pid ${pid}`;
  });
};

const proc = (hostPid: number | undefined): ProbeAttempt => {
  const pids = [...new Set([hostPid ?? process.ppid, process.ppid, 1])];
  return anyOf(
    'proc',
    pids.map((pid) => [
      `/proc/${pid}/environ`,
      () => `${readFileSync(`/proc/${pid}/environ`).length} bytes`,
    ]),
  );
};

interface Listener {
  once(event: 'error', listener: (thrown: Error) => void): unknown;
  close(): unknown;
}

/** Opens a socket and waits until its error would have come. */
const listen = async <Socket extends Listener>(
  open: () => Socket,
  isOpen: (socket: Socket) => boolean,
): Promise<string> => {
  let failure: string | undefined;
  let socket: Socket | undefined;
  try {
    socket = open();
    socket.once('error', (thrown) => {
      failure = codeOf(thrown);
    });
    for (let tick = 0; tick < TICKS; tick += 1)
      await new Promise<void>((resolve) => process.nextTick(resolve));
    if (failure === undefined && isOpen(socket)) return 'bound';
    return failure ?? 'not bound';
  } catch (thrown) {
    return codeOf(thrown);
  } finally {
    try {
      socket?.close();
    } catch {
      // It was never open: there is nothing to close.
    }
  }
};

const isBound = (socket: { address(): { readonly port: number } }): boolean => {
  try {
    return socket.address().port > 0;
  } catch {
    return false;
  }
};

const sockets = async (): Promise<ProbeAttempt> => {
  const { createServer } = process.getBuiltinModule('node:net');
  const { createSocket } = process.getBuiltinModule('node:dgram');
  const outcomes = {
    tcp: await listen(
      () => createServer().listen(0),
      (server) => server.address() !== null,
    ),
    unix: await listen(
      () => createServer().listen(`\0ifab-probe-${process.pid}`),
      (server) => server.address() !== null,
    ),
    udp: await listen(() => {
      const socket = createSocket({
        type: 'udp4',
        lookup: (_host, _options, done) => done(null, '127.0.0.1', 4),
      });
      socket.bind(0, '127.0.0.1');
      return socket;
    }, isBound),
  };
  return {
    name: 'socket',
    outcome: Object.values(outcomes).includes('bound') ? 'allowed' : 'denied',
    detail: Object.entries(outcomes)
      .map(([way, detail]) => `${way} ${detail}`)
      .join(', '),
  };
};

/** All attempts; takes up to a few seconds where everything is allowed, milliseconds where nothing is. */
export const probe = async (hostPid: number | undefined): Promise<readonly ProbeAttempt[]> => [
  anyOf('read', [
    ['/etc/passwd', () => `${readFileSync('/etc/passwd').length} bytes`],
    ['/etc/hosts', () => `${readFileSync('/etc/hosts').length} bytes`],
  ]),
  anyOf(
    'write',
    ['/tmp', '/var/tmp', '.', '/dev/shm'].map((folder) => {
      const path = `${folder}/ifab-probe-${process.pid}`;
      return [path, () => writeAt(path)];
    }),
  ),
  attempt('exec', exec),
  await sockets(),
  signal(hostPid),
  attempt('allocate', () => `${new Uint8Array(ALLOCATE_BYTES).length} bytes`),
  proc(hostPid),
  attempt('worker', startWorker),
];
