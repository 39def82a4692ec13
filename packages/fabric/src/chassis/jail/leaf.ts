/** Which process is node: what the kernel's limits, clocks and signals are aimed at. Linux's /proc is asked. */
import { readFile } from 'node:fs/promises';
import { Fault } from '../../fault.ts';
import type { LaunchPlan } from './launch.ts';

/** The init that bubblewrap started, from its status; undefined until it said so. */
export const initPidOf = (status: string): number | undefined => {
  const [, pid] = /"child-pid"\s*:\s*(\d{1,10})/.exec(status) ?? [];
  return pid === undefined ? undefined : Number(pid);
};

/**
 * Node's pid as this process sees it: the child of bubblewrap's init, or of `timeout`, or the spawned process itself.
 * To be asked after READY, when node is certain to run. Throws a Fault where there is not exactly one candidate: a
 * limit on the wrong process is none.
 */
export const leafPid = async (
  plan: Pick<LaunchPlan, 'saysStatus' | 'hasTimeout'>,
  spawnedPid: number,
  status: string,
): Promise<number> => {
  if (!plan.saysStatus) return plan.hasTimeout ? onlyChild(spawnedPid) : spawnedPid;
  const init = initPidOf(status);
  if (init === undefined) throw unknown(`bubblewrap did not say what it started`);
  return onlyChild(init);
};

const onlyChild = async (pid: number): Promise<number> => {
  const children = await childrenOf(pid);
  const [child] = children;
  if (child === undefined || children.length !== 1)
    throw unknown(`process ${pid} has ${children.length} children, not one`);
  return child;
};

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch (cause) {
    throw new Fault('runner.unavailable', {
      transient: true,
      detail: `read the children of process ${pid}`,
      cause,
    });
  }
};

const unknown = (detail: string): Fault =>
  new Fault('runner.unavailable', { transient: true, detail });
