/** Cases 1 to 12: time, of the processor and of the clock. */
import type { Ground } from './ground.ts';
import { spinGuest } from './guests.ts';
import { moduleCase } from './module-case.ts';
import { cpuMsOf, isAlive, statusField } from './proc.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

const SHARE_PERCENT = 25;
/** Points around the share: a period of 100 ms has two edges, and a tick is 10 ms. */
const SHARE_POINTS = 6;
const SHARE_RUNS = 3;
/** The kernel's grain is a second: limit, rounding and slack together. */
const BLOCKED_CPU_MS_MAX = 5_000;
/** The parent is blocked for as long as that takes, at most this long, ms. */
const BLOCKED_MS_MAX = 25_000;

/** CPU that one run of `turn` takes with this argument, ms; the runner lives on. */
const turnMs = async (
  ground: Ground,
  runner: Awaited<ReturnType<Ground['runner']>>,
  turns: number,
) => {
  const { report } = await ground.play(runner, {
    entrypoint: 'turn',
    input: Uint8Array.of(turns),
    limits: { cpuMsMax: 5_000 },
  });
  return report.measure.cpuMs;
};

const nearlyAllOfTheBudget = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await spinGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  // Warm first: the optimised code runs several times as fast. Then as many turns as take 300 ms.
  await turnMs(ground, runner, 4);
  const perTurn = (await turnMs(ground, runner, 16)) / 16;
  const turns = Math.max(1, Math.min(255, Math.round(300 / Math.max(perTurn, 1))));
  const budgetMs = Math.round(turns * perTurn * 1.01) + 50;
  let cpuMs = 0;
  const startedAt = performance.now();
  for (let run = 0; run < SHARE_RUNS; run += 1) {
    const { report } = await ground.play(runner, {
      entrypoint: 'turn',
      input: Uint8Array.of(turns),
      limits: { cpuMsMax: budgetMs, cpuPercentMax: SHARE_PERCENT, wallMsMax: 10_000 },
    });
    // One that needs a little more than it did before is stopped at its budget: also an end inside its limits.
    if (report.cause !== 'completed' && report.cause !== 'cpu')
      return escaped(`${report.cause}: ${report.detail}`);
    cpuMs += report.measure.cpuMs;
    if (report.cause === 'cpu') break;
  }
  const percent = (cpuMs * 100) / (performance.now() - startedAt);
  if (percent > SHARE_PERCENT + SHARE_POINTS) return escaped(`${percent.toFixed(1)} % of a core`);
  return contained('kill', `${percent.toFixed(1)} % of a core over ${Math.round(cpuMs)} ms of CPU`);
};

/** Nothing of this process runs until the time is over: no timer, no promise, no watchdog. */
const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const blockedParent = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await spinGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  let usedMs = 0;
  const startedAt = performance.now();
  const blocked = new Promise<void>((resolve) => {
    setTimeout(() => {
      // Looks at the kernel only, between two blocks. What is waited for is CPU of the guest: others may use the machine.
      while (isAlive(runner.pid) && usedMs < BLOCKED_CPU_MS_MAX) {
        if (performance.now() - startedAt > BLOCKED_MS_MAX) break;
        usedMs = cpuMsOf(runner.pid);
        block(20);
      }
      resolve();
    }, 20);
  });
  const playing = ground.play(runner, { limits: { cpuMsMax: 400, wallMsMax: 60_000 } });
  await blocked;
  const diedBlocked = !isAlive(runner.pid);
  const { report } = await playing;
  if (!diedBlocked) return escaped(`it spun on, with ${usedMs} ms of CPU`);
  if (report.cause !== 'cpu') return escaped(`${report.cause}: ${report.detail}`);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  return contained(
    'rlimits',
    `the kernel ended it after ${usedMs} ms of CPU, blocked ${seconds} s`,
    {
      killed: true,
    },
  );
};

const stoppedGuest = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await spinGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  let state = '';
  setTimeout(() => {
    process.kill(runner.pid, 'SIGSTOP');
    setTimeout(() => void statusField(runner.pid, 'State').then((text) => (state = text)), 50);
  }, 50);
  const { report, ms } = await ground.play(runner, { limits: { cpuMsMax: 5_000, wallMsMax: 600 } });
  if (!state.startsWith('T')) return escaped(`it was not stopped: ${state}`);
  if (report.cause !== 'wall' || isAlive(runner.pid) || ms > 2_000)
    return escaped(`${report.cause} after ${Math.round(ms)} ms`);
  return contained('kill', `stopped, and killed by the wall clock after ${Math.round(ms)} ms`, {
    killed: true,
  });
};

export const CPU: readonly ContainmentCase<Ground>[] = [
  moduleCase(1, 'a loop without end', ['kill']),
  moduleCase(2, 'a start function without end', ['admission', 'kill']),
  moduleCase(3, 'a loop of memory.fill over 512 MiB', ['kill']),
  moduleCase(4, 'a loop that grows and fills', ['kill']),
  moduleCase(5, 'a loop of stores', ['kill']),
  moduleCase(6, 'a wait that takes no CPU', ['admission']),
  moduleCase(7, 'recursion without end', ['engine']),
  moduleCase(8, 'recursion with frames of 5,000 locals', ['engine']),
  moduleCase(9, 'a br_table dispatcher', ['kill']),
  { number: 10, name: 'runs at 99 % of the budget', by: ['kill'], run: nearlyAllOfTheBudget },
  { number: 11, name: 'a spin while the parent is blocked', by: ['rlimits'], run: blockedParent },
  { number: 12, name: 'a guest that is stopped', by: ['kill'], run: stoppedGuest },
];
