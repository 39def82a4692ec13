/** From nothing to a runner, and from a runner that waits to the first result (CHASSIS, goals). */
import { setTimeout as pause } from 'node:timers/promises';
import { binary } from '@infrafabric/testkit';
import {
  chainOf,
  echoModule,
  loadInto,
  MEMORY_MIB,
  moduleOf,
  openChassis,
  ran,
  threadMsOf,
} from './chassis-host.ts';
import { sized, type Size, type Values } from './probe.ts';
import { latencies, median } from './stats.ts';

const STARTS = { smoke: 2, short: 40, full: 200 };
const FIRSTS = { smoke: 2, short: 25, full: 100 };
/** A runner that was taken is replaced within this time, ms; longer than that is the pool's affair. */
const REFILL_MS = 400;
const LARGE_BYTES = 2_000_000;
const FUNCTIONS = 2_000;

export const starts = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(0);
  const samples = sized(size, STARTS);
  const ms = new Float64Array(samples);
  const cpuMs = new Float64Array(samples);
  for (let i = 0; i < samples; i += 1) {
    const startedAt = performance.now();
    const runner = await chassis.runner();
    ms[i] = performance.now() - startedAt;
    // What the chain used by now; `prlimit`, which is gone, is the only part that is left out.
    cpuMs[i] = chainOf(runner.pid).reduce((sum, pid) => sum + threadMsOf(pid), 0);
    await runner.destroy();
  }
  await chassis.close();
  return { ...latencies('chassis.cold', ms), 'chassis.cold.cpuMs': median(cpuMs) };
};

/** Two megabytes of code, most of which is never called, as plugins are. */
const largeModule = (): Uint8Array => {
  const {
    body,
    bytesOf,
    code,
    exported,
    exports,
    functions,
    functionType,
    moduleOf: joined,
    repeat,
    types,
  } = binary;
  const bytesEach = Math.floor(LARGE_BYTES / FUNCTIONS / 3);
  const one = body(repeat(bytesOf(0x41, 0x00, 0x1a), bytesEach));
  return joined(
    types(functionType()),
    functions(...Array.from({ length: FUNCTIONS }, () => 0)),
    exports(exported('run', 0)),
    code(...Array.from({ length: FUNCTIONS }, () => one)),
  );
};

export const firstResults = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(2);
  const samples = sized(size, FIRSTS);
  const modules = { tiny: await echoModule(), large: moduleOf(largeModule()) };
  const figures: Record<string, number> = { 'chassis.memoryMib': MEMORY_MIB };
  for (const [name, module] of Object.entries(modules)) {
    const ms = new Float64Array(samples);
    for (let i = 0; i < samples; i += 1) {
      await pause(REFILL_MS);
      const startedAt = performance.now();
      const runner = await chassis.runner();
      await loadInto(runner, module);
      await ran(runner);
      ms[i] = performance.now() - startedAt;
      await runner.destroy();
    }
    Object.assign(figures, latencies(`chassis.first.${name}`, ms));
  }
  await chassis.close();
  return figures;
};
