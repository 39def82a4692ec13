/** What limits cost and how sharp they are: the kill, memory, and the share of a core. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { wasmOf } from '@infrafabric/testkit';
import {
  LIMITS,
  loadInto,
  MEMORY_MIB,
  moduleOf,
  openChassis,
  ran,
  spinModule,
  threadMsOf,
} from './chassis-host.ts';
import { check, sized, type Size, type Values } from './probe.ts';
import { percentile } from './stats.ts';

const KILLS = { smoke: 2, short: 40, full: 200 };
const SHARE_MS = { smoke: 400, short: 4_000, full: 10_000 };
const SHARE_PERCENT = 25;
const CPU_MS = 150;
const SPIN_MS = 40;
const GONE_MS_MAX = 2_000;
const MIB = 1024 * 1024;
const KIB = 1024;

/** Whether a process can still run; read without leaving the turn, so that nothing is waited for but the kernel. */
const isThere = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
};

/** From the end of a lease to the end of the process, and CPU beyond its limit of a guest that spins. */
export const kills = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(2);
  const spin = await spinModule();
  const samples = sized(size, KILLS);
  const goneMs = new Float64Array(samples);
  const overshootMs = new Float64Array(samples);
  for (let i = 0; i < samples; i += 1) {
    const revoked = await chassis.runner();
    await loadInto(revoked, spin);
    const lease = new AbortController();
    const running = ran(revoked, { signal: lease.signal }, 'revoked');
    await pause(SPIN_MS);
    const killedAt = performance.now();
    lease.abort();
    while (isThere(revoked.pid) && performance.now() - killedAt < GONE_MS_MAX);
    goneMs[i] = performance.now() - killedAt;
    await running;

    const spent = await chassis.runner();
    await loadInto(spent, spin);
    const { measure } = await ran(spent, { limits: { ...LIMITS, cpuMsMax: CPU_MS } }, 'cpu');
    overshootMs[i] = measure.cpuMs - CPU_MS;
    check(!isThere(spent.pid), 'it was told to be gone and is there');
  }
  await chassis.close();
  return {
    'chassis.kill.p50Ms': percentile(goneMs, 0.5),
    'chassis.kill.p99Ms': percentile(goneMs, 0.99),
    'chassis.kill.overshoot.p99Ms': percentile(overshootMs, 0.99),
  };
};

const rollup = (pid: number, name: string): number => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const [, kib = 'NaN'] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? [];
  return Number(kib) * KIB;
};

const statusBytes = (pid: number, name: string): number => {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kib = 'NaN'] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? [];
  return Number(kib) * KIB;
};

/** A runner that waits, and one whose guest has touched all that it may have. */
export const memory = async (): Promise<Values> => {
  const chassis = await openChassis(2);
  const idle = await chassis.runner();
  const full = await chassis.runner();
  // Both share what they have in common with each other and with this process, as runners of a host do.
  const pss = rollup(idle.pid, 'Pss');
  const rss = rollup(idle.pid, 'Rss');
  await loadInto(
    full,
    moduleOf(
      await wasmOf(`(module (memory 1) (func (export "run") (local $at i32)
        (loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        (loop $touch (i32.store8 (local.get $at) (i32.const 1))
          (br_if $touch (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 4096)))
            (i32.mul (memory.size) (i32.const 65536)))))))`),
    ),
  );
  await ran(full);
  // The kernel's own highest mark: the host looks now and then only.
  const peak = statusBytes(full.pid, 'VmHWM');
  await chassis.close();
  return {
    'chassis.idle.pssMb': pss / 1e6,
    'chassis.idle.rssMb': rss / 1e6,
    'chassis.full.beyondLimitMb': (peak - MEMORY_MIB * MIB) / 1e6,
  };
};

export const share = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const runner = await chassis.runner();
  await loadInto(runner, await spinModule());
  const lease = new AbortController();
  const running = ran(
    runner,
    { limits: { ...LIMITS, cpuPercentMax: SHARE_PERCENT }, signal: lease.signal },
    'revoked',
  );
  // The first periods find the share; what is held is measured afterwards.
  await pause(200);
  const from = { cpuMs: threadMsOf(runner.pid), at: performance.now() };
  await pause(sized(size, SHARE_MS));
  const usedMs = threadMsOf(runner.pid) - from.cpuMs;
  const percent = (usedMs * 100) / (performance.now() - from.at);
  lease.abort();
  await running;
  await chassis.close();
  return {
    'chassis.share.percent': percent,
    'chassis.share.offPoints': Math.abs(percent - SHARE_PERCENT),
  };
};
