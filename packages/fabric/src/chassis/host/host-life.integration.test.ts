/** Hosts in processes of their own: killed, and without root's privileges. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { IsolationLayer } from '@infrafabric/protocol';
import { wasmOf } from '@infrafabric/testkit';
import { afterAll, expect, test } from 'vitest';
import { runnerFile } from '../runner-file.ts';
import type { Attained } from '../words.ts';

const folder = await mkdtemp(join(tmpdir(), 'ifab-host-life-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
await chmod(folder, 0o755);

const spin = Buffer.from(await wasmOf('(module (func (export "run") (loop $l br $l)))'));
const urlOf = (name: string): string => pathToFileURL(join(import.meta.dirname, name)).href;

/** Opens a host, has one runner spin and others wait, and says who they are. */
const SCRIPT = `
import { createHash } from 'node:crypto';
import { createRunnerHost } from '${urlOf('host.ts')}';
const [runnerFile, layersOff] = JSON.parse(process.argv[2]);
const broker = { open() { throw new Error('none'); }, revoke() {}, close() {} };
const host = await createRunnerHost({ runnerFile, layersOff, broker, engine: async () => new Uint8Array() });
const pids = [];
if (host.attained().level > 0) {
  const bytes = Buffer.from('${spin.toString('base64')}', 'base64');
  const limits = { cpuMsMax: 60000, wallMsMax: 60000, cpuPercentMax: 100, memoryMibMax: 256, apiCallsPerSecondMax: 0, networkCallsMax: 0 };
  const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
  for (const isBusy of [true, false]) {
    const runner = await host.acquire({ swarmId: 'a', sessionId: String(isBusy) }, 256);
    await runner.load({ bytes, digest, abi: 'extism', entrypoints: ['run'], hostFunctions: [], reuse: 'run', allowStart: false, deterministic: false, limits });
    if (isBusy) void runner.run({ taskId: 't', entrypoint: 'run', input: new Uint8Array(), limits, http: [], secrets: [], signal: new AbortController().signal, onNote() {} });
    pids.push(runner.pid);
  }
}
console.log(JSON.stringify({ attained: host.attained(), pids }));
process.stdin.resume();
process.stdin.on('end', async () => { await host.close(); process.exit(0); });
`;

interface Life {
  readonly attained: Attained;
  readonly pids: readonly number[];
  kill(): Promise<void>;
  close(): Promise<number | null>;
}

const begin = async (
  layersOff: readonly IsolationLayer[],
  user: { uid?: number; gid?: number } = {},
): Promise<Life> => {
  const script = join(folder, 'host.mjs');
  await writeFile(script, SCRIPT, { mode: 0o644 });
  const child = spawn(
    process.execPath,
    ['--conditions=source', script, JSON.stringify([await runnerFile(), layersOff])],
    { ...user, stdio: ['pipe', 'pipe', 'inherit'], env: { TMPDIR: tmpdir() } },
  );
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    exited.then(() => {
      throw new Error('the host ended before it said anything');
    }),
  ]);
  return {
    ...JSON.parse(String(line)),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async close() {
      child.stdin.end();
      const [code] = await exited;
      return code;
    },
  };
};

const isThere = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const chainsOf = (pids: readonly number[]): readonly number[] =>
  pids.flatMap((pid) => {
    const chain: number[] = [];
    for (let at = pid; at > 1 && at !== process.pid;) {
      chain.push(at);
      at = Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1]);
    }
    return chain;
  });

test.each<[string, readonly IsolationLayer[]]>([
  ['level 3', []],
  ['level 2', ['namespaces']],
])('a host that is killed leaves no process behind, at %s', async (_name, layersOff) => {
  const life = await begin(layersOff);
  const chains = chainsOf(life.pids);
  expect(chains.filter(isThere).length).toBeGreaterThan(4);
  await life.kill();
  await expect.poll(() => chains.filter(isThere), { timeout: 10_000 }).toEqual([]);
});

const isRoot = process.getuid?.() === 0;
const NOT_ROOT = { uid: 60_998, gid: 60_998 };

// Only root can start a process as somebody else; elsewhere every other test of hosts runs without privileges anyway.
test.runIf(isRoot)('a host without privileges attains level 3 by user namespaces', async () => {
  const life = await begin([], NOT_ROOT);
  expect(life.attained).toMatchObject({ level: 3, missing: [] });
  expect(await life.close()).toBe(0);
  expect(life.pids.filter(isThere)).toEqual([]);
});

// As above: it takes root to be somebody else.
test.runIf(isRoot)(
  'case 86: without namespaces and without root a guest could signal its host, so it is level 1',
  async () => {
    const life = await begin(['namespaces'], NOT_ROOT);
    expect(life.attained.level).toBe(1);
    expect(life.attained.attempts.find(({ name }) => name === 'signal')?.outcome).toBe('allowed');
    expect(life.attained.missing.map(({ remedy }) => remedy).join()).toContain('as root');
    expect(await life.close()).toBe(0);
  },
);
