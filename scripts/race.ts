/**
 * `npm run race`: operating-system processes claim tasks over HTTP from one leader that is killed with SIGKILL again
 * and again, and a worker is stopped past its lease. Afterwards the log on the disk is the judge: every task won once,
 * nothing acknowledged is missing, every late write was refused.
 *
 * Flags: --agents N (100) --tasks N (1000) --kills N (20) --seed N --budget-s N --json
 *
 * A budget under 90 s does less (40 agents, 400 tasks, 8 kills) unless flags say otherwise. Kills and tasks that the
 * time did not allow are left out, and `whole` says so.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { call, sleep } from './race/caller.ts';
import { judge, type Acknowledged, type Verdict } from './race/judge.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string' },
    tasks: { type: 'string' },
    kills: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'budget-s': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
/** Without a budget the run ends by its own count; this only bounds a run that hangs. */
const budgetS = Number(values['budget-s'] ?? '300');
/** On two busy cores 100 processes alone take half a minute to start; a smaller budget gets a smaller race. */
const WHOLE_BUDGET_S = 90;
const size =
  budgetS < WHOLE_BUDGET_S
    ? { agents: 40, tasks: 400, kills: 8 }
    : { agents: 100, tasks: 1_000, kills: 20 };
const tasks = Number(values.tasks ?? size.tasks);
const agents = Number(values.agents ?? size.agents);
const kills = Number(values.kills ?? size.kills);
const seed = Number(values.seed);
/** Time kept for the tasks that are left after the last kill, and for the judge, s. */
const AFTER_KILLS_S = 15;
/** What the stopped worker tries when it wakes; see race/frozen.ts. */
const LATE_WRITES = 6;
const startedAt = performance.now();
const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;
const left = (): number => budgetS - seconds();
const note = (text: string): void => {
  process.stderr.write(`${seconds().toFixed(1).padStart(6)} s  ${text}\n`);
};

const node = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
const script = (name: string): string => join(import.meta.dirname, 'race', name);
const folder = mkdtempSync(join(tmpdir(), 'ifab-race-'));
const children = new Set<ChildProcess>();
const start = (
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess => {
  const child = spawn(process.execPath, [...node, script(name), ...args], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
};
const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));

const linesOf = (child: ChildProcess, on: (line: string) => void): void => {
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', on);
};

let port = 0;
/** Starts a leader and resolves when it serves. */
const lead = async (): Promise<ChildProcess> => {
  for (;;) {
    const child = start('leader.ts', [folder, String(port)]);
    const served = await new Promise<boolean>((resolve) => {
      linesOf(child, (line) => {
        port = Number(line.split(' ')[1]);
        resolve(true);
      });
      child.once('exit', () => resolve(false));
    });
    if (served) return child;
  }
};

interface AgentLine {
  readonly kind: string;
  readonly sessionId?: string;
  readonly taskId?: string;
  readonly fence?: number;
  readonly refusals?: Readonly<Record<string, number>>;
}

const acknowledged: Acknowledged[] = [];
const refused = new Map<string, number>();
const onAgent = (line: AgentLine): void => {
  if (line.kind === 'claimed' || line.kind === 'completed') {
    const { kind, sessionId = '', taskId = '', fence = 0 } = line;
    acknowledged.push({ kind, sessionId, taskId, fence });
  }
  for (const [code, count] of Object.entries(line.refusals ?? {}))
    refused.set(code, (refused.get(code) ?? 0) + count);
};

interface LateWrite {
  readonly op: string;
  readonly status: number;
  readonly code?: string;
  readonly facts?: { readonly holder?: { readonly sessionId?: string } };
  readonly lost?: readonly { readonly detail: string }[];
}

/** Stops a worker past its lease, lets another take the task, wakes it, and gathers what its writes were told. */
const freeze = async (
  url: URL,
  env: NodeJS.ProcessEnv,
  token: string,
): Promise<{ late: LateWrite[]; newHolder: string }> => {
  const task = { key: 'frozen', title: 'held by a worker that is stopped' };
  await call(
    url,
    'plans.submit',
    { plan: { id: 'freeze', tasks: [task] } },
    { token, key: 'freeze-plan' },
  );
  const late: LateWrite[] = [];
  const child = start('frozen.ts', [url.href, 'sleeper', 'freeze/frozen'], env);
  let over: () => void = () => {};
  const finished = new Promise<void>((resolve) => (over = resolve));
  await new Promise<void>((resolve) => {
    linesOf(child, (text) => {
      const line: { kind: string } & LateWrite = JSON.parse(text);
      if (line.kind === 'claimed') resolve();
      if (line.kind === 'late') late.push(line);
      if (line.kind === 'over') over();
    });
  });
  child.kill('SIGSTOP');
  const opened = await call(
    url,
    'sessions.open',
    { agent: 'sleeper' },
    { token, key: 'freeze-second' },
  );
  const sessionId = String(opened.body['sessionId']);
  for (;;) {
    const claim = { sessionId, taskId: 'freeze/frozen', leaseMs: 600_000 };
    if ((await call(url, 'tasks.claim', claim, { token })).status === 200) break;
    await sleep(100);
  }
  child.kill('SIGCONT');
  child.stdin?.write('write\n');
  await Promise.race([finished, ended(child)]);
  child.kill('SIGKILL');
  return { late, newHolder: sessionId };
};

/** Starts the agents and waits until each has its session. Every fourth name is used by two of them (C5). */
const gather = async (url: URL, env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess }[]> => {
  const started = Array.from({ length: agents }, (_, i) => {
    const name = `agent-${i % 4 === 3 ? i - 1 : i}`;
    const child = start('agent.ts', [url.href, name, String(seed * 1_000 + i)], env);
    const open = new Promise<void>((resolve) => {
      linesOf(child, (text) => {
        const line: AgentLine = JSON.parse(text);
        if (line.kind === 'opened') resolve();
        onAgent(line);
      });
    });
    return { child, open };
  });
  await Promise.all(started.map(({ open }) => open));
  return started;
};

let state = seed >>> 0 || 1;
const random = (): number =>
  (state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0) / 2 ** 32;

const doneOf = (counts: unknown): number =>
  typeof counts === 'object' && counts !== null && 'done' in counts ? Number(counts.done) : 0;

const namesHolder = (write: LateWrite, holder: string): boolean =>
  write.op === 'tasks.renew'
    ? write.lost?.[0]?.detail.includes(holder) === true
    : write.code === 'lease.stale' && write.facts?.holder?.sessionId === holder;

const main = async (): Promise<boolean> => {
  let leader = await lead();
  const url = new URL(`http://127.0.0.1:${port}`);
  const token = readFileSync(join(folder, 'keys', 'operator.token'), 'utf8').trim();
  const env = { ...process.env, RACE_TOKEN: token };
  await call(url, 'plans.submit', { plan: { id: 'race', tasks: [] } }, { token, key: 'race-plan' });
  note(`${tasks} tasks, ${agents} processes, ${kills} kills, seed ${seed}`);
  const frozen = await freeze(url, env, token);
  note(
    `a stopped worker woke: ${frozen.late.filter((write) => namesHolder(write, frozen.newHolder)).length} of ${frozen.late.length} late writes refused with the holder named`,
  );
  const running = await gather(url, env);
  note(`${running.length} agents have a session each`);
  let killed = 0;
  // A part of the tasks in each life of a leader, so that every death comes in the middle of the race.
  for (let life = 0; life <= kills; life += 1) {
    const from = Math.floor((tasks * life) / (kills + 1));
    const to = Math.floor((tasks * (life + 1)) / (kills + 1));
    const add = Array.from({ length: to - from }, (_, i) => ({
      key: `t-${from + i}`,
      title: `race ${from + i}`,
    }));
    const part = call(
      url,
      'plans.edit',
      { planId: 'race', add },
      { token, key: `race-part-${life}` },
    );
    if (life < kills && left() > AFTER_KILLS_S) {
      await sleep(20 + random() * 250);
      leader.kill('SIGKILL');
      await ended(leader);
      killed += 1;
      leader = await lead();
    }
    await part;
  }
  note(`the leader was killed ${killed} of ${kills} times`);
  let finished = false;
  while (!finished && left() > 5) {
    const { body } = await call(url, 'plans.show', { planId: 'race' }, { token });
    finished = doneOf(body['counts']) === tasks;
    if (!finished) await sleep(200);
  }
  for (const { child } of running) child.stdin?.end();
  await Promise.race([
    Promise.all(running.map(({ child }) => ended(child))),
    sleep(Math.max(2, left()) * 1_000),
  ]);
  for (const child of children) if (child !== leader) child.kill('SIGKILL');
  leader.kill('SIGTERM');
  await ended(leader);
  return report(await judge(folder, acknowledged), { killed, frozen, finished });
};

interface Run {
  readonly killed: number;
  readonly frozen: Awaited<ReturnType<typeof freeze>>;
  readonly finished: boolean;
}

/** Whether the log keeps what the race promised, as far as the race came. */
const holds = (verdict: Verdict, { killed, finished }: Run): boolean => {
  const broken = [
    verdict.doubleClaims,
    verdict.doubleCompletions,
    verdict.lostClaims,
    verdict.lostCompletions,
    verdict.faults.length,
  ];
  // Little time makes a small race, but not an empty one.
  const raced = verdict.tasksDone > 0 && (killed > 0 || kills === 0);
  const agreed = !finished || verdict.tasksDone === tasks;
  return broken.every((count) => count === 0) && raced && agreed;
};

const report = (verdict: Verdict, run: Run): boolean => {
  const { killed, frozen, finished } = run;
  const lateRefused = frozen.late.filter((write) => namesHolder(write, frozen.newHolder)).length;
  const whole = finished && killed === kills;
  const ok = holds(verdict, run) && lateRefused === LATE_WRITES;
  const figures = {
    ok,
    agents,
    tasks,
    tasksDone: verdict.tasksDone,
    kills: killed,
    killsPlanned: kills,
    epochs: verdict.openings,
    entries: verdict.entries,
    acknowledged: acknowledged.length,
    doubleClaims: verdict.doubleClaims,
    doubleCompletions: verdict.doubleCompletions,
    lostClaims: verdict.lostClaims,
    lostCompletions: verdict.lostCompletions,
    lateWritesRefused: lateRefused,
    refusals: Object.fromEntries(refused),
    finished,
    whole,
    seed,
    seconds: seconds(),
  };
  for (const fault of verdict.faults) note(`FAULT ${fault}`);
  if (!ok) for (const write of frozen.late) note(JSON.stringify(write));
  note(
    `${verdict.tasksDone} of ${tasks} tasks won once, ${acknowledged.length} acknowledgements all in the log: ${ok ? 'holds' : 'BROKEN'}${whole ? '' : ', in part: the time was short'}`,
  );
  process.stdout.write(
    `${values.json ? JSON.stringify(figures) : JSON.stringify(figures, undefined, 2)}\n`,
  );
  return ok;
};

let ok = false;
try {
  ok = await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  if (ok) rmSync(folder, { recursive: true, force: true });
  else note(`the folder is kept: ${folder}`);
}
process.exit(ok ? 0 : 1);
