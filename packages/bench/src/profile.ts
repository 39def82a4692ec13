/**
 * Where the time of a claim goes: the claim path in this process, and the leader's thread while agents claim over
 * WebSockets. For people who make it faster; the figures are shares of what was sampled, not measurements of speed.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { sharesOf, startProfile, type Shares } from './cpu-profile.ts';
import { closedLoop, openField } from './field.ts';
import { check, sized, type Values } from './probe.ts';
import { claims, frames, FRAME, nexts } from './remote.ts';
import type { MeasureOnce } from './scenarios.ts';
import { Stage } from './stage.ts';

const CLAIMS = { smoke: 2_000, short: 200_000, full: 500_000 };
const AGENTS = { smoke: 20, short: 1_000, full: 1_000 };
const AGENTS_CLAIMS = { smoke: 200, short: 60_000, full: 200_000 };
const FRAMES = { smoke: 5, short: 1_500, full: 4_000 };
const IN_FLIGHT = 256;
const SHOWN = 30;

/** Kept after the run, for browsers' tools; not a part of the repository. */
const KEPT = join(import.meta.dirname, '..', '..', '..', '.tmp');

export const profile: MeasureOnce = async ({ size, folder, note }) => {
  mkdirSync(KEPT, { recursive: true });
  const values: Record<string, number> = {};
  const tell = (name: string, path: string, count: number): void => {
    const shares = sharesOf(JSON.parse(readFileSync(path, 'utf8')));
    note(`profile: ${name}, µs a claim; ${path}\n${tableOf(shares, count)}`);
    Object.assign(values, valuesOf(name, shares, count));
  };
  const path = join(KEPT, 'claims.cpuprofile');
  await inProcess(join(folder, 'bare'), path, sized(size, CLAIMS));
  tell('claims', path, sized(size, CLAIMS));
  const messages = sized(size, FRAMES);
  const atLeader = async (name: string, count: number, run: (stage: Stage) => Promise<unknown>) => {
    const file = join(KEPT, `${name}.cpuprofile`);
    const stage = await Stage.open(join(folder, name), file);
    await run(stage);
    await stage.close();
    tell(name, file, count);
  };
  await atLeader('agents', sized(size, AGENTS_CLAIMS), async (stage) =>
    claims(stage, await stage.agents(sized(size, AGENTS)), {
      name: 'agents',
      count: sized(size, AGENTS_CLAIMS),
    }),
  );
  await atLeader('frames', messages * FRAME, (stage) => frames(stage, messages));
  await atLeader('nexts', messages * FRAME, (stage) => nexts(stage, messages));
  return values;
};

async function inProcess(folder: string, path: string, count: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const field = await openField('bare', folder);
  const { taskIds, sessionIds } = await field.prepare(count);
  const stop = await startProfile();
  let won = 0;
  await closedLoop(count, IN_FLIGHT, (i, end) => {
    const taskId = taskIds[i];
    const sessionId = sessionIds[i % sessionIds.length];
    check(taskId !== undefined && sessionId !== undefined, 'work has run out');
    field.claim(taskId, sessionId, (outcome) => {
      if (outcome.kind === 'committed') won += 1;
      end();
    });
  });
  await stop(path);
  check(won === count, `${won} claims of ${count}`);
  await field.fabric.close();
}

function tableOf({ busyUs, functions, areas }: Shares, count: number): string {
  const line = ({ name, selfUs }: { readonly name: string; readonly selfUs: number }): string =>
    `  ${(selfUs / count).toFixed(2).padStart(7)} ${((100 * selfUs) / busyUs).toFixed(1).padStart(5)} %  ${name}`;
  return [...areas.slice(0, SHOWN), ...functions.slice(0, SHOWN)].map(line).join('\n');
}

const valuesOf = (name: string, { busyUs, areas }: Shares, count: number): Values => ({
  [`profile.${name}.busyUs`]: busyUs / count,
  [`profile.${name}.gcShare`]:
    (areas.find((area) => area.name === 'garbage collection')?.selfUs ?? 0) / busyUs,
});
