/** A runner host to measure, and guests for it. */
import {
  createBroker,
  createRunnerHost,
  engineBytes,
  runnerFile,
  type Broker,
  type ModuleLoad,
  type Runner,
  type RunnerHost,
  type RunReport,
  type RunRequest,
} from '@infrafabric/fabric/chassis';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RunLimits } from '@infrafabric/protocol';
import { wasmOf } from '@infrafabric/testkit';
import { Fault, type SecretStore } from '@infrafabric/fabric';
import { check } from './probe.ts';

/** Guests of the measurements, MiB; runners are kept blank for this size. */
export const MEMORY_MIB = 64;

/** The usual limit of CPU, which blank runners are ready for; and all of a core, so that no share is waited for. */
export const LIMITS = RunLimits.parse({ cpuPercentMax: 100, memoryMibMax: MEMORY_MIB });

/** No guest of a measurement has a secret. */
const noSecrets: SecretStore = {
  name: 'none',
  resolve: () =>
    Promise.reject(new Fault('secret.not_found', { transient: false, detail: 'none' })),
  close: () => Promise.resolve(),
};

export interface Chassis {
  readonly host: RunnerHost;
  /** A runner of a tenant of its own. */
  runner(): Promise<Runner>;
  close(): Promise<void>;
}

export const openChassis = async (blankRunners: number): Promise<Chassis> => {
  const broker: Broker = createBroker({ store: noSecrets });
  const host = await createRunnerHost({
    runnerFile: await runnerFile(),
    engine: engineBytes,
    broker,
    blankRunners,
    memoryMib: MEMORY_MIB,
  });
  const { level, missing } = host.attained();
  check(
    process.platform !== 'linux' || level === 3,
    `level ${level}: ${missing.map(({ remedy }) => remedy).join('; ')}`,
  );
  let count = 0;
  return {
    host,
    runner: () => {
      count += 1;
      return host.acquire({ swarmId: `swarm-${count}`, sessionId: `session-${count}` }, MEMORY_MIB);
    },
    close: async () => {
      await host.close();
      broker.close();
    },
  };
};

export const moduleOf = (bytes: Uint8Array, more: Partial<ModuleLoad> = {}): ModuleLoad => ({
  bytes,
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  abi: 'extism',
  entrypoints: ['run'],
  hostFunctions: [],
  reuse: 'run',
  allowStart: false,
  deterministic: false,
  limits: LIMITS,
  ...more,
});

export const loadInto = async (runner: Runner, module: ModuleLoad): Promise<void> => {
  const loaded = await runner.load(module);
  check(loaded.ok, loaded.ok ? '' : loaded.reason);
};

const NOTHING = new Uint8Array();
const never = new AbortController().signal;

export const requestOf = (changed: Partial<RunRequest> = {}): RunRequest => ({
  taskId: 'bench/chassis',
  entrypoint: 'run',
  input: NOTHING,
  limits: LIMITS,
  http: [],
  secrets: [],
  signal: never,
  onNote: () => undefined,
  ...changed,
});

/** A run that has to end as it is wanted to. */
export const ran = async (
  runner: Runner,
  changed: Partial<RunRequest> = {},
  wanted: RunReport['cause'] = 'completed',
): Promise<RunReport> => {
  const report = await runner.run(requestOf(changed));
  check(report.cause === wanted, `${report.cause}: ${report.detail}`);
  return report;
};

const IMPORTS = `(import "extism:host/env" "input_offset" (func $input (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))`;

/** Gives its input back. */
export const echoModule = async (): Promise<ModuleLoad> =>
  moduleOf(
    await wasmOf(
      `(module ${IMPORTS} (func (export "run") (call $output (call $input) (call $input_length))))`,
    ),
  );

export const spinModule = async (): Promise<ModuleLoad> =>
  moduleOf(await wasmOf('(module (func (export "run") (loop $l (br $l))))'));

/** So many calls of the host that carry nothing. */
export const callModule = async (calls: number): Promise<ModuleLoad> =>
  moduleOf(
    await wasmOf(`(module (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
      (import "extism:host/env" "input_offset" (func $input (result i64)))
      (func (export "run") (local $left i32) (local $ask i64)
        (local.set $ask (call $input)) (local.set $left (i32.const ${calls}))
        (loop $l (drop (call $call (local.get $ask)))
          (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`),
    { hostFunctions: ['call'] },
  );

/** `compute(n) → i32` of a program, called `times` times, each result checked: a runner's way to call it. */
export const programModule = async (
  text: string,
  { n, result, times }: { readonly n: number; readonly result: number; readonly times: number },
): Promise<ModuleLoad> => {
  const named = text.replace('(func (export "compute")', '(func $compute (export "compute")');
  const [, name = ''] = /\(func (\$\w+) \(export "compute"\)/.exec(named) ?? [];
  check(name !== '', 'the program computes nothing');
  const entry = `(func (export "run") (result i32) (local $left i32)
    (local.set $left (i32.const ${times}))
    (loop $l
      (if (i32.ne (call ${name} (i32.const ${n})) (i32.const ${result})) (then (return (i32.const 1))))
      (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 0))`;
  const bytes = await wasmOf(`${named.trimEnd().slice(0, -1)} ${entry})`);
  return moduleOf(bytes, { reuse: 'session' });
};

/** Time of a process's first thread on a processor, ms: /proc/PID/schedstat, in nanoseconds. A runner has no other. */
export const threadMsOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

/** The processes from a runner up to this one, both left out but for the runner. */
export const chainOf = (pid: number): readonly number[] => {
  const chain: number[] = [];
  for (let at = pid; at > 1 && at !== process.pid;) {
    chain.push(at);
    const stat = readFileSync(`/proc/${at}/stat`, 'utf8');
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return chain;
};
