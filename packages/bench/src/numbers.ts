/**
 * `docs/numbers.md` from the kept runs: each figure and goal from the newest run that measured it. No figure in a
 * document is typed by hand.
 *
 *     node --conditions=source packages/bench/src/numbers.ts
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { GOALS, type Judged } from './goals.ts';
import { shown, type Run } from './report.ts';
import { median } from './stats.ts';

const results = join(import.meta.dirname, '..', 'results');
const target = join(import.meta.dirname, '..', '..', '..', 'docs', 'numbers.md');

/** Rows of the tables: a name for people, and the figures' common part. */
const THROUGHPUT: readonly (readonly [string, string])[] = [
  ['fabric in process, synced', 'claims.bare'],
  ['the same, its witness beside it (the embedded default)', 'claims.file'],
  ['BullMQ, AOF always', 'bullmq.always'],
  ['Redis Lua claim, AOF always', 'redis.always'],
  ['*not synced:* fabric in process, page cache', 'claims.os'],
  ['*not synced:* BullMQ, everysec', 'bullmq.everysec'],
  ['*no disk:* fabric in memory', 'claims.memory'],
];

const WIRE: readonly (readonly [string, string, string])[] = [
  ['claim over WebSocket, alone, p50 · p99 ms', 'remote.alone.p50Ms', 'remote.alone.p99Ms'],
  ['1,000 agents, one claim each under way, a second', 'remote.agents.perS', ''],
  ['messages of 100 claims, claims a second', 'remote.frames100.perS', ''],
  ['`tasks.next` for 100, claims a second', 'remote.next100.perS', ''],
  ['blocker to observer, p50 · p99 ms', 'remote.blocker.p50Ms', 'remote.blocker.p99Ms'],
  ['completion to pushed lease, p50 · p99 ms', 'remote.unlock.p50Ms', 'remote.unlock.p99Ms'],
  ['BullMQ add to processor, p50 · p99 ms', 'bullmq.always.push.p50Ms', 'bullmq.always.push.p99Ms'],
  ['one event to 1,000 agents, p50 ms', 'remote.fanOut.p50Ms', ''],
  ['raw synced write, p50 · p99 ms', 'floor.sync.p50Ms', 'floor.sync.p99Ms'],
  ['raw WebSocket echo, p50 · p99 ms', 'floor.echo.p50Ms', 'floor.echo.p99Ms'],
];

/** Kept runs, the newest first. */
function keptRuns(): readonly Run[] {
  const files = readdirSync(results).filter((name) => name.endsWith('.jsonl'));
  const lines = files.flatMap((file) =>
    readFileSync(join(results, file), 'utf8').trim().split('\n'),
  );
  const runs = lines.map((line): Run => JSON.parse(line));
  return runs.toSorted((a, b) => (a.at < b.at ? 1 : -1));
}

const runs = keptRuns();
const used = new Set<Run>();

const figure = (name: string): string => {
  for (const run of runs) {
    const values = run.rounds.map((round) => round[name]).filter((one) => typeof one === 'number');
    if (values.length === 0) continue;
    used.add(run);
    return shown(median(values));
  }
  return '–';
};

/** The goal as the newest run judged it, or as not run. */
const judged = ({ id, text }: Pick<Judged, 'id' | 'text'>): Judged | undefined => {
  for (const run of runs) {
    const found = run.goals.find((one) => one.id === id && one.text === text);
    if (found === undefined || found.verdict === 'not run') continue;
    used.add(run);
    return found;
  }
  return undefined;
};

const throughput = THROUGHPUT.map(
  ([what, name]) =>
    `| ${what} | ${figure(`${name}.alone.p50Ms`)} · ${figure(`${name}.alone.p99Ms`)} | ${figure(`${name}.16.perS`)} | ${figure(`${name}.256.perS`)} · ${figure(`${name}.256.p99Ms`)} |`,
);

const wire = WIRE.map(
  ([what, first, second]) =>
    `| ${what} | ${figure(first)}${second === '' ? '' : ` · ${figure(second)}`} |`,
);

const goalRow = (goal: Pick<Judged, 'id' | 'text'>): string => {
  const found = judged(goal);
  const { value, interval } = found ?? {};
  if (found === undefined || value === undefined || interval === undefined)
    return `| ${goal.id} | ${goal.text} | | | not run |`;
  const range = found.rounds > 1 ? ` [${shown(interval.low)}, ${shown(interval.high)}]` : '';
  return `| ${goal.id} | ${goal.text} | ${found.bound} | ${shown(value)}${range} of ${found.rounds} | ${found.verdict} |`;
};

const OTHERS: readonly (readonly [string, string])[] = [
  ['bytes of the entry of a claim', 'claims.bare.entryBytes'],
  ['µs of one thread: deciding a claim', 'micro.decide.us'],
  ['folding it', 'micro.fold.us'],
  ['the text of its entry, written', 'micro.entry.us'],
  ['its leaf', 'micro.leaf.us'],
  ['its token', 'micro.token.us'],
  ['parsing the call from JSON, by its schema', 'micro.parse.us'],
  ['SHA-256 of 540 bytes, beside them', 'floor.sha256.us'],
  ['bytes of an entry, a log of ordinary work', 'verify.entryBytes'],
  ['a SHA-256 of 500 bytes and one of 65, beside it, µs', 'verify.hashUs'],
  ['verifying an entry: frames, chain, tree (V0), µs', 'verify.framesUs'],
  ['the same with signed checkpoints (V1), µs', 'verify.entryUs'],
  ['deciding and folding it again (V5), µs', 'verify.replayUs'],
  ['tasks of the graph below', 'dag.tasks'],
  ['bytes of a task besides its specification', 'dag.taskBytes'],
  ['tasks completed a second, state only', 'dag.completePerS'],
  ['bytes of a task in a snapshot', 'dag.snapshotTaskBytes'],
  ['reading an entry back at a start, µs', 'dag.foldEntryUs'],
  ['contended claims decided and folded a second, one winner of five', 'long.claimsPerS'],
  ['changes of a log made, all of them found', 'flips.made'],
  ['histories checked for an order', 'order.histories'],
  ['agents connected below', 'connections.agents'],
  ['memory of one, bytes', 'connections.agentBytes'],
  ['one event to all of them, ms', 'connections.eventToAllMs'],
  [
    'blocker to observer while 2,000 claims a second are asked for, p50 ms',
    'connections.pushP50Ms',
  ],
  ['registered swarms, each with a session, below', 'match.swarms'],
  ['ready tasks below', 'match.tasks'],
  ['distinct sets of needs of these', 'match.needSets'],
  ['memory of that world, bytes', 'match.worldBytes'],
  ['the best three swarms for a task, p50 ms', 'match.swarm.p50Ms'],
  ['the same where one swarm of a hundred may be chosen, p99 ms', 'match.swarmBusy.least.p99Ms'],
  ['the best task for a session, decided, p50 ms', 'match.next.p50Ms'],
  ['a hundred tasks for it in one decision, p99 ms', 'match.nextMany.least.p99Ms'],
  ['whether anything is ready for a session, p99 ms', 'match.ready.least.p99Ms'],
  ['a claim that reserves on five accounts, decided and folded, p50 ms', 'match.claimPaid.p50Ms'],
  ['a claim without money beside it, p50 ms', 'match.claimFree.p50Ms'],
  ['a blocker of five needs, 64 who could help, decided, p99 ms', 'match.raise.least.p99Ms'],
  ['task ready to lease pushed, 1,000 sessions of 1,000 sets wait, p50 ms', 'match.push.p50Ms'],
  ['the same where one session waits, p50 ms', 'match.pushAlone.p50Ms'],
  [
    'a plan of 1,000 tasks for anybody: until each of these sessions has one, ms',
    'match.pushAll.ms',
  ],
  ['one decision of a policy of 100 rules, p50 ms', 'policy.decide.p50Ms'],
  ['blocker raised to three helpers leased, in process, durable, p50 ms', 'match.blocker.p50Ms'],
  ['the same over HTTP, p50 ms', 'match.blockerHttp.p50Ms'],
  ['sandbox: from nothing to a locked runner, p50 ms', 'chassis.cold.p50Ms'],
  ['from a blank runner to the first result of a tiny module, p50 ms', 'chassis.first.tiny.p50Ms'],
  ['the same of a module of 2 MB', 'chassis.first.large.p50Ms'],
  ['a call of an instance that is kept, p50 µs', 'chassis.call.p50Us'],
  ['a call of a fresh instance, p50 µs', 'chassis.freshCall.p50Us'],
  ['a null call of the host by a guest, p50 µs', 'chassis.hostCall.p50Us'],
  ['CPU of a guest ÷ bare WebAssembly, four programs', 'chassis.cpu.geomean'],
  ['the same ÷ a process with the same flags and no jail', 'chassis.cpu.jail.geomean'],
  ['from the end of a lease to the end of the process, p99 ms', 'chassis.kill.p99Ms'],
  ['an idle runner, shared pages by their share, MB', 'chassis.idle.pssMb'],
  ['idle with 100 sessions connected, share of a core', 'idle.cpuShare'],
  ['start of a process to its first durable claim, s', 'cold.firstClaimS'],
];

const others = OTHERS.map(([what, name]) => `| ${what} | ${figure(name)} |`);
const goals = GOALS.map(goalRow);

const runLine = (run: Run): string => {
  const { machine, at, command, rounds, loadBefore, loadAfter } = run;
  const when = at.slice(0, 16).replace('T', ' ');
  return `- \`${command}\` · ${when} UTC · ${rounds.length} rounds · load average ${loadBefore} before, ${loadAfter} after · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.fileSystem}, Linux ${machine.kernel}, Node ${machine.node} · commit ${machine.commit} · peer: ${run.peer}`;
};

const text = `# Numbers

Made by \`packages/bench/src/numbers.ts\` from the runs kept in \`packages/bench/results/\`; do not edit. Medians of
interleaved rounds, whole entries of the log. The runs:

${[...used].map(runLine).join('\n')}

Fabric, callers and peer share the machine's cores with whatever else it does: absolute figures are this machine's of
these minutes, and a load average above its cores says that they are pessimistic. Ratios within a run are what to
compare; [bench/README](../packages/bench/README.md) says how.

## Claims

| durable before the answer unless it says otherwise | alone, p50 · p99 ms | 16 in flight, /s | 256 in flight, /s · p99 ms |
|---|---|---|---|
${throughput.join('\n')}

In process against TCP is what an embedded default means. Over the wire:

| | |
|---|---|
${wire.join('\n')}

## The rest

| | |
|---|---|
${others.join('\n')}

## Goals

A goal is missed (\`no\`) only where the whole 95 % interval lies on its wrong side; \`unsure\` where a part does.

| | goal | bound | measured [95 % interval] of rounds | met |
|---|---|---|---|---|
${goals.join('\n')}
`;

writeFileSync(target, text);
process.stdout.write(`${target}\n`);
