/** Cases 95 to 99: clocks, and figures that a guest would like to look better than they are. */
import type { RunCause } from '@infrafabric/protocol';
import { SwarmId } from '@infrafabric/protocol';
import { SOON, type Ground, type Module } from './ground.ts';
import { echoGuest, floodGuest, spinGuest, trapGuest } from './guests.ts';
import { FabricLog, type Logged, type Member } from './log.ts';
import { playModules } from './module-case.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

/** More than what is enough for a verdict. */
const RUNS = 22;
const PRIOR = 7_000;
const PROMISED_MS = 200;
const CALLS = 5;
const CALL_MS = 40;

/**
 * What a script may not find: other clocks, other threads, other engines, and whatever stands outside of the engine. The
 * name SharedArrayBuffer is there; a clock is made of it by a thread that counts, and there is none.
 */
const ABSENT = [
  'performance',
  'Atomics',
  'WebAssembly',
  'Worker',
  'setTimeout',
  'setInterval',
  'process',
  'require',
  'fetch',
  'std',
  'os',
];

const CLOCK_SCRIPT = `export const run = (names) => {
  const from = Date.now();
  let fine = 0;
  let turns = 0;
  for (let now = from; now < from + 20; now = Date.now(), turns += 1) if (now % 1 !== 0) fine += 1;
  return { fine, turns, found: names.filter((name) => typeof globalThis[name] !== 'undefined') };
};`;

const clocks = async (ground: Ground): Promise<Ending> => {
  const modules = await playModules(ground, 95, ['linker'], { completedBy: 'linker' });
  if (modules.kind === 'escaped' || modules.by !== 'linker') return modules;
  const runner = await runnerOf(ground, { bytes: Buffer.from(CLOCK_SCRIPT), abi: 'js' });
  const { report } = await ground.play(runner, {
    input: JSON.stringify(ABSENT),
    limits: { cpuMsMax: 5_000 },
  });
  if (report.cause !== 'completed') return escaped(`${report.cause}: ${report.detail}`);
  const { fine, turns, found }: { fine: number; turns: number; found: readonly string[] } =
    JSON.parse(Buffer.from(report.output).toString());
  if (fine > 0 || found.length > 0) return escaped(`${fine} fine clocks, ${found.join(', ')}`);
  return contained(
    'linker',
    `whole milliseconds only, of ${turns} looks; no other clock, no thread`,
  );
};

/** A runner with the module of a member. */
const runnerOf = async (ground: Ground, module: Module) => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, module);
  if (!loaded.ok) throw new Error(`not loaded: ${loaded.reason}`);
  return runner;
};

const fastFailures = async (ground: Ground, log: FabricLog): Promise<Member> => {
  const module = await trapGuest();
  const member = await log.member('red', 'farmer', module, {
    guarantees: { latencyP99Ms: PROMISED_MS },
    limits: { ...SOON, wallMsMax: 2_000 },
  });
  const runner = await runnerOf(ground, module);
  for (let run = 0; run < RUNS; run += 1) await member.run(() => ground.play(runner));
  return member;
};

/** Six ends of runs, each as the host reported it and as the log keeps it. */
const causesInTheLog = async (ground: Ground, log: FabricLog): Promise<string | undefined> => {
  const spin = await spinGuest();
  const spinner = await log.member('spins', 'spinner', spin, { limits: SOON });
  const echo = await echoGuest();
  const good = await log.member('echoes', 'echo', echo, { limits: SOON });
  const lease = new AbortController();
  const ends: readonly (readonly [RunCause, () => Promise<Logged>])[] = [
    [
      'completed',
      async () => {
        const runner = await runnerOf(ground, echo);
        return good.run(() => ground.play(runner, { input: 'x' }));
      },
    ],
    [
      'cpu',
      async () => {
        const runner = await runnerOf(ground, spin);
        return spinner.run(() => ground.play(runner, { limits: { cpuMsMax: 200 } }));
      },
    ],
    [
      'wall',
      async () => {
        const runner = await runnerOf(ground, spin);
        return spinner.run(() =>
          ground.play(runner, { limits: { cpuMsMax: 5_000, wallMsMax: 200 } }),
        );
      },
    ],
    [
      'revoked',
      async () => {
        const runner = await runnerOf(ground, spin);
        setTimeout(() => lease.abort(), 100);
        return spinner.run(() =>
          ground.play(runner, { limits: { cpuMsMax: 5_000 }, signal: lease.signal }),
        );
      },
    ],
  ];
  for (const [cause, run] of ends) {
    const { runId, played } = await run();
    const kept = await log.call('runs.list', { limit: 20 });
    const row = kept.runs.find((one) => one.runId === runId);
    if (played.report.cause !== cause || row?.cause !== cause || row.status !== 'ended')
      return `${cause}: reported ${played.report.cause}, logged ${row?.cause}`;
  }
  return undefined;
};

const farming = async (ground: Ground): Promise<Ending> => {
  const log = await FabricLog.open(ground);
  const flaw = await causesInTheLog(ground, log);
  if (flaw !== undefined) return escaped(flaw);
  const { swarmId } = await fastFailures(ground, log);
  const slo = await log.call('slo.show', { swarmId: SwarmId.parse(swarmId) });
  const latency = slo.objectives.find(({ name }) => name === 'latencyP99Ms');
  if (latency?.verdict !== 'missed' || (latency.measured ?? 0) < 2_000)
    return escaped(`${latency?.measured} ms is ${latency?.verdict}`);
  const reputation = await log.call('reputation.show', { swarmId: SwarmId.parse(swarmId) });
  if (reputation.value >= PRIOR / 2) return escaped(`reputation ${reputation.value} of 10,000`);
  return contained(
    'account',
    `${RUNS} fast failures count ${latency.measured} ms each, reputation ${PRIOR} → ${reputation.value}`,
  );
};

const whitewash = async (ground: Ground): Promise<Ending> => {
  const log = await FabricLog.open(ground);
  const { provider, swarmId } = await fastFailures(ground, log);
  const before = await log.call('reputation.show', { swarmId: SwarmId.parse(swarmId) });
  // Another swarm, another module, the same provider.
  await log.member('green', provider, await echoGuest());
  const after = await log.call('reputation.show', { swarmId: SwarmId.parse('green') });
  if (after.value !== before.value || !after.measured)
    return escaped(`${before.value} became ${after.value}`);
  const stranger = await log.call('reputation.show', { swarmId: SwarmId.parse('green') });
  if (stranger.provider !== provider) return escaped(`provider ${stranger.provider}`);
  return contained('account', `the new swarm of the provider begins at ${after.value} of 10,000`);
};

const emptyOutput = async (ground: Ground): Promise<Ending> => {
  const { judge } = ground;
  if (judge === undefined) return escaped('nobody judges results here');
  const log = await FabricLog.open(ground);
  const module = await echoGuest();
  const schema = Buffer.from(
    '{"type":"object","required":["answer"],"properties":{"answer":{"type":"string","minLength":1}}}',
  );
  const member = await log.member('empty', 'idler', module, { limits: SOON });
  const runner = await runnerOf(ground, module);
  const outputs = ['', '{}', 'null', '[]', '{"answer":""}', 'not json', '{"answer":1}'];
  for (const output of [...outputs, '{"answer":"yes"}']) {
    const { cause, missed, played } = await member.run(
      () => ground.play(runner, { input: output }),
      ({ report }) => judge(report, schema),
    );
    if (played.report.cause !== 'completed') return escaped(played.report.detail);
    const wanted = output === '{"answer":"yes"}' ? 'completed' : 'invalid';
    if (cause !== wanted || missed !== (wanted === 'invalid'))
      return escaped(`${JSON.stringify(output)} is ${cause}, missed: ${missed}`);
  }
  return contained(
    'account',
    `${outputs.length} results that do not fit are failures, one that fits is none`,
  );
};

const splitLatency = async (ground: Ground): Promise<Ending> => {
  const log = await FabricLog.open(ground);
  const module = await floodGuest(CALLS);
  const member = await log.member('split', 'splitter', module, {
    guarantees: { latencyP99Ms: (CALLS * CALL_MS) / 2 },
    limits: SOON,
  });
  const runner = await runnerOf(ground, module);
  const { played, missed } = await member.run(() =>
    ground.play(runner, {
      onCall: () => new Promise((resolve) => setTimeout(() => resolve(new Uint8Array()), CALL_MS)),
    }),
  );
  const { cause, measure, detail } = played.report;
  if (cause !== 'completed') return escaped(`${cause}: ${detail}`);
  if (measure.wallMs < CALLS * CALL_MS * 0.95) return escaped(`${measure.wallMs} ms were measured`);
  const slo = await log.call('slo.show', { swarmId: SwarmId.parse('split') });
  if (!missed || (slo.p50Ms ?? 0) < measure.wallMs)
    return escaped(`p50 ${slo.p50Ms} ms, missed: ${missed}`);
  return contained(
    'account',
    `${CALLS} waits of ${CALL_MS} ms are ${measure.wallMs} ms of latency, ${measure.cpuMs} of CPU`,
  );
};

export const TIMING: readonly ContainmentCase<Ground>[] = [
  { number: 95, name: 'a clock finer than a millisecond, threads', by: ['linker'], run: clocks },
  { number: 96, name: 'fast failures for a good latency', by: ['account'], run: farming },
  { number: 97, name: 'another swarm for a clean record', by: ['account'], run: whitewash },
  { number: 98, name: 'success with an empty result', by: ['account'], run: emptyOutput },
  { number: 99, name: 'latency split over host calls', by: ['account'], run: splitLatency },
];
