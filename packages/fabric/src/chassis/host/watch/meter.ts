/**
 * What the kernel says of a runner (H3): processor time, resident memory, whether it is there. Linux's /proc is read
 * through descriptors that stay open: they name this very process, whatever becomes of its number.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Milliseconds of a tick of `utime` and `stime`: USER_HZ is 100 on every architecture of Linux (time(7)). */
const TICK_MS = 10;
const NS_PER_MS = 1_000_000;
/** Pages of resident memory, bytes: 4 KiB on x86-64. /proc/PID/status gives KiB and needs no such number. */
const KIB = 1024;
/** Bytes of the longest of the files that is read. */
const FILE_BYTES = 4_096;

/** What was seen in one look; zeros where the platform tells nothing. */
export interface MeterSample {
  /** Processor time of the whole life of the process, ms. */
  readonly cpuMs: number;
  /** Resident memory now, and the most there ever was, bytes. */
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export interface Meter {
  /** Processor time so far, ms; the cheap part of a sample, 2 µs. */
  cpuMs(): number;
  sample(): MeterSample;
  /** False once the process is gone, or a corpse that nobody has buried. */
  isAlive(): boolean;
  /** Bytes of address space. */
  addressBytes(): number;
  close(): void;
}

/** Of a process that nobody knows yet. */
export const noMeter: Meter = {
  cpuMs: () => 0,
  sample: () => ({ cpuMs: 0, residentBytes: 0, peakBytes: 0 }),
  isAlive: () => false,
  addressBytes: () => 0,
  close: () => undefined,
};

/** A meter of a process of this machine; of little use where there is no /proc. */
export const openMeter = (pid: number): Meter => {
  const schedstat = openProc(pid, 'schedstat');
  const stat = openProc(pid, 'stat');
  const status = openProc(pid, 'status');
  const cpuMs = (): number => {
    const byThread = mainThreadMs(schedstat?.read() ?? '');
    // The thread's clock is fine and counts one thread; the process's counts all of them, in ticks.
    return Math.max(byThread, byThread === 0 ? allThreadsMs(stat?.read() ?? '') : 0);
  };
  return {
    cpuMs,
    sample() {
      const text = status?.read() ?? '';
      return {
        cpuMs: Math.max(cpuMs(), allThreadsMs(stat?.read() ?? '')),
        residentBytes: statusBytes(text, 'VmRSS'),
        peakBytes: statusBytes(text, 'VmHWM'),
      };
    },
    isAlive: () => stat !== undefined && isAliveState(stateOf(stat.read() ?? '')),
    addressBytes: () => statusBytes(status?.read() ?? '', 'VmSize'),
    close() {
      for (const file of [schedstat, stat, status]) file?.close();
    },
  };
};

/** /proc/PID/schedstat: time on the processor, time in the queue, turns; ns. */
export const mainThreadMs = (schedstat: string): number => {
  const ns = Number.parseInt(schedstat, 10);
  return Number.isFinite(ns) ? ns / NS_PER_MS : 0;
};

/** /proc/PID/stat, fields 14 and 15 (proc_pid_stat(5)); the name in field 2 may hold anything but ends at the last `)`. */
export const allThreadsMs = (stat: string): number => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * TICK_MS : 0;
};

/** Field 3 of /proc/PID/stat. */
export const stateOf = (stat: string): string => stat.charAt(stat.lastIndexOf(')') + 2);

const isAliveState = (state: string): boolean => state !== '' && state !== 'Z' && state !== 'X';

/** A line of /proc/PID/status in kB, as bytes. */
export const statusBytes = (status: string, name: 'VmRSS' | 'VmHWM' | 'VmSize'): number => {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return kib === undefined ? 0 : Number(kib) * KIB;
};

interface ProcFile {
  /** Undefined once the process is gone (ESRCH). */
  read(): string | undefined;
  close(): void;
}

const openProc = (pid: number, name: string): ProcFile | undefined => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(`/proc/${pid}/${name}`, 'r');
  } catch {
    // No such file system, or no such process any more: nothing is told.
    return undefined;
  }
  const buffer = Buffer.allocUnsafe(FILE_BYTES);
  return {
    read() {
      // A closed number soon names another file.
      if (descriptor === undefined) return undefined;
      try {
        return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, FILE_BYTES, 0));
      } catch {
        return undefined;
      }
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
};
