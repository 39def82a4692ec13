/** What Linux says of a locked runner, seen from outside: nothing here is the runner's word. */
import { readFile, readlink } from 'node:fs/promises';
import type { KernelView } from './levels.ts';

/** Undefined where there is no /proc, or no such process. */
export const kernelViewOf = async (pid: number): Promise<KernelView | undefined> => {
  try {
    const [status, limits, pids, ownPids, net, ownNet] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/limits`, 'utf8'),
      ...['pid', 'net'].flatMap((name) => [
        readlink(`/proc/${pid}/ns/${name}`),
        readlink(`/proc/self/ns/${name}`),
      ]),
    ]);
    if (status === undefined || limits === undefined) return undefined;
    return {
      ...readStatus(status),
      isLimited: isLocked(limits),
      hasOwnPids: pids !== ownPids,
      hasOwnNetwork: net !== ownNet,
    };
  } catch {
    // Nothing to be seen is the answer: what cannot be shown does not count.
    return undefined;
  }
};

/** SECCOMP_MODE_FILTER (linux/seccomp.h), as /proc/PID/status writes it. */
const FILTERED = '2';

/** Fields of /proc/PID/status (proc_pid_status(5)). */
export const readStatus = (
  status: string,
): Pick<KernelView, 'uid' | 'capabilities' | 'hasNoNewPrivileges' | 'hasFilter'> => {
  const field = (name: string): string =>
    (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').trim();
  const [uid = ''] = field('Uid').split(/\s+/);
  return {
    uid: uid === '' ? -1 : Number(uid),
    capabilities: field('CapEff'),
    hasNoNewPrivileges: field('NoNewPrivs') === '1',
    hasFilter: field('Seccomp') === FILTERED,
  };
};

const ZERO = ['Max open files', 'Max processes', 'Max file size', 'Max core file size'];
const BOUNDED = ['Max address space', 'Max cpu time'];

/** /proc/PID/limits: name, soft and hard limit, in columns. */
export const isLocked = (limits: string): boolean => {
  const rows = new Map(
    limits.split('\n').map((line) => {
      const [name = '', soft = '', hard = ''] = line.split(/\s{2,}/);
      return [name, { soft, hard }] as const;
    }),
  );
  return (
    ZERO.every((name) => rows.get(name)?.soft === '0' && rows.get(name)?.hard === '0') &&
    BOUNDED.every((name) => /^\d+$/.test(rows.get(name)?.hard ?? ''))
  );
};
