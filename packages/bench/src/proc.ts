/** What Linux says of another process: proc(5). */
import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** Processor time of a process so far, ms; its threads included. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime, fields 14 and 15 of proc(5); the slice begins with field 3.
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

const PAGE_BYTES = 4_096;

/** Memory of a process that is in RAM. */
export function residentBytesOf(pid: number): number {
  const [, resident] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Number(resident) * PAGE_BYTES;
}
