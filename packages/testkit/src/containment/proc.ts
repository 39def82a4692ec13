/** What the kernel says of processes, by /proc: the parent's eyes, which no guest can speak into. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const KIB = 1024;

const fieldOf = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';

/** A line of /proc/PID/status; empty where the process is gone. */
export const statusField = async (pid: number, name: string): Promise<string> =>
  fieldOf(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''), name);

const kibField = async (pid: number, name: string): Promise<number> =>
  Number.parseInt(await statusField(pid, name), 10) * KIB;

export const vmSizeBytes = (pid: number): Promise<number> => kibField(pid, 'VmSize');
export const rssBytes = (pid: number): Promise<number> => kibField(pid, 'VmRSS');

/** Whether a process runs; a zombie does not. */
export const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
};

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
}

const processes = (): readonly ProcessRow[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): readonly ProcessRow[] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [, parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ pid: Number(name), parent: Number(parent) }];
      } catch {
        return [];
      }
    });

/** All processes below one, zombies left out. */
export const descendantsOf = async (pid: number): Promise<readonly number[]> => {
  const rows = processes();
  const found: number[] = [];
  for (let level = [pid]; level.length > 0;) {
    const next = rows.filter((row) => level.includes(row.parent)).map((row) => row.pid);
    found.push(...next);
    level = next;
  }
  return found.filter(isAlive);
};

/** The processes above one, the nearest first, up to and without process 1. */
export const ancestorsOf = (pid: number): readonly number[] => {
  const rows = new Map(processes().map((row) => [row.pid, row.parent]));
  const found: number[] = [];
  for (let at = rows.get(pid) ?? 0; at > 1; at = rows.get(at) ?? 0) found.push(at);
  return found;
};

export const commandOf = (pid: number): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
};

/** What the descriptors of a process point to: `pipe:[1]`, `socket:[2]`, a path. */
export const descriptorsOf = async (pid: number): Promise<readonly string[]> => {
  const { readlink } = await import('node:fs/promises');
  const folder = `/proc/${pid}/fd`;
  const names = readdirSync(folder);
  return Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => 'gone')));
};

/** Files that a process has mapped. */
export const mappedFiles = async (pid: number): Promise<ReadonlySet<string>> => {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '');
  return new Set(maps.split('\n').flatMap((line) => /\s(\/.*)$/.exec(line)?.[1] ?? []));
};

export const threadsOf = async (pid: number): Promise<number> =>
  Number.parseInt(await statusField(pid, 'Threads'), 10);

/** CPU time of a process and of its children that ended, ms (grain: a tick of 10 ms). */
export const cpuMsOf = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
};

/** When a process began, in ticks since the machine did: together with its pid it names one process. */
export const startOf = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
};
