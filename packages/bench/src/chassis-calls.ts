/** Calls of a guest, calls of the host by a guest, and what the sandbox takes of a guest's own speed. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Runner } from '@infrafabric/fabric/chassis';
import { PROGRAMS, type Program } from '@infrafabric/testkit';
import { computeOf, turnMs } from './chassis-bare.ts';
import {
  callModule,
  echoModule,
  loadInto,
  openChassis,
  programModule,
  ran,
  requestOf,
  threadMsOf,
} from './chassis-host.ts';
import { check, sized, type Size, type Values } from './probe.ts';
import { median, percentile } from './stats.ts';

const CALLS = { smoke: 200, short: 20_000, full: 100_000 };
const WARM_CALLS = { smoke: 50, short: 2_000, full: 5_000 };
const HOST_CALLS = { smoke: 500, short: 20_000, full: 100_000 };
const TURNS = { smoke: 3, short: 25, full: 100 };
/** Turns after which V8 has compiled what it runs for good. */
const WARM_TURNS = 5;
/** Of a runner's flags, those that change how fast it computes. */
const FLAGS_OF_SPEED = ['--disable-wasm-trap-handler', '--v8-pool-size=0'];
/** CPU of a turn, ms: the grain of clocks and the way to a runner and back are no part of it. */
const TURN_MS = { smoke: 3, short: 25, full: 25 };
const OVERHEAD_OF = new Set(['sha', 'matmul', 'sort', 'sieve']);
const US_PER_MS = 1_000;

/** With the instance of the call before, and with a fresh one for each. */
export const calls = async (size: Size): Promise<Values> => ({
  ...(await callsOf('session', 'chassis.call', size)),
  ...(await callsOf('run', 'chassis.freshCall', size)),
});

const callsOf = async (reuse: 'run' | 'session', name: string, size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const runner = await chassis.runner();
  await loadInto(runner, { ...(await echoModule()), reuse });
  const input = Buffer.from('0123456789abcdef');
  const request = requestOf({ input });
  for (let i = 0; i < sized(size, WARM_CALLS); i += 1) await runner.run(request);
  const count = sized(size, CALLS);
  const us = new Float64Array(count);
  const startedAt = performance.now();
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    const { output } = await runner.run(request);
    us[i] = (performance.now() - at) * US_PER_MS;
    if (output.length !== input.length) check(false, `${output.length} bytes came back`);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await runner.destroy();
  await chassis.close();
  return {
    [`${name}.p50Us`]: percentile(us, 0.5),
    [`${name}.p99Us`]: percentile(us, 0.99),
    [`${name}.perS`]: count / seconds,
  };
};

export const hostCalls = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const runner = await chassis.runner();
  const count = sized(size, HOST_CALLS);
  await loadInto(runner, await callModule(count));
  const nothing = new Uint8Array();
  let answered = 0;
  const us: number[] = [];
  let last = 0;
  const run = () =>
    ran(runner, {
      onCall: () => {
        const now = performance.now();
        if (answered > 0) us.push((now - last) * US_PER_MS);
        last = now;
        answered += 1;
        return Promise.resolve(nothing);
      },
    });
  await run();
  check(answered === count, `${answered} of ${count} calls came`);
  await runner.destroy();
  await chassis.close();
  return { 'chassis.hostCall.p50Us': median(us), 'chassis.hostCall.p99Us': percentile(us, 0.99) };
};

interface Turns {
  readonly times: number;
  /** Least CPU of a turn, ms: what it takes where nobody disturbs it. */
  readonly bareMs: number;
  readonly jailedMs: number;
}

/** The same calls in a runner and in this process, turn by turn, so that both see the same machine. */
const turnsOf = async (runner: Runner, program: Program, size: Size): Promise<Turns> => {
  const turns = sized(size, TURNS);
  const { text, large: n } = program;
  const compute = await computeOf(program);
  const result = Number(compute(n));
  turnMs(compute, { n, result, times: WARM_TURNS });
  const onceMs = turnMs(compute, { n, result, times: WARM_TURNS }) / WARM_TURNS;
  const times = Math.ceil(sized(size, TURN_MS) / Math.max(onceMs, 0.01));
  const asked = { n, result, times };
  await loadInto(runner, await programModule(text, asked));
  const bare = new Float64Array(turns);
  const jailed = new Float64Array(turns);
  for (let turn = -WARM_TURNS; turn < turns; turn += 1) {
    const bareMs = turnMs(compute, asked);
    const guestAt = threadMsOf(runner.pid);
    await ran(runner);
    const jailedMs = threadMsOf(runner.pid) - guestAt;
    if (turn < 0) continue;
    bare[turn] = bareMs;
    jailed[turn] = jailedMs;
  }
  return { times, bareMs: Math.min(...bare), jailedMs: Math.min(...jailed) };
};

/** What V8 takes for the same with a runner's flags and without a jail, by program, ms. */
const flaggedMs = async (asked: readonly object[]): Promise<Readonly<Record<string, number>>> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=source',
    '--disable-warning=ExperimentalWarning',
    ...FLAGS_OF_SPEED,
    join(import.meta.dirname, 'chassis-bare-process.ts'),
    JSON.stringify(asked),
  ]);
  return JSON.parse(stdout);
};

const geomean = (ratios: readonly number[]): number =>
  ratios.reduce((product, ratio) => product * ratio, 1) ** (1 / ratios.length);

/** CPU of calls in a runner ÷ CPU of the same calls here, and in a process with the runner's flags but no jail. */
export const overhead = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const turns = sized(size, TURNS);
  const measured = new Map<string, Turns>();
  for (const program of PROGRAMS.filter(({ name }) => OVERHEAD_OF.has(name))) {
    const runner = await chassis.runner();
    measured.set(program.name, await turnsOf(runner, program, size));
    await runner.destroy();
  }
  await chassis.close();
  const flagged = await flaggedMs(
    [...measured].map(([name, { times }]) => ({ name, times, turns, warm: WARM_TURNS })),
  );
  const all = [...measured].map(([name, { bareMs, jailedMs }]) => ({
    name,
    ofAll: jailedMs / bareMs,
    ofJail: jailedMs / (flagged[name] ?? Number.NaN),
  }));
  return {
    ...Object.fromEntries(all.map(({ name, ofAll }) => [`chassis.cpu.${name}`, ofAll])),
    'chassis.cpu.geomean': geomean(all.map(({ ofAll }) => ofAll)),
    'chassis.cpu.jail.geomean': geomean(all.map(({ ofJail }) => ofJail)),
  };
};
