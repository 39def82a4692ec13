/** Calls of a guest, calls of the host by a guest, and what the sandbox takes of a guest's own speed. */
import { PROGRAMS, wasmOf } from '@infrafabric/testkit';
import {
  callModule,
  echoModule,
  loadInto,
  openChassis,
  programModule,
  ran,
  requestOf,
  threadMsOf,
} from './chassis-host.ts';
import { check, sized, type Size, type Values } from './probe.ts';
import { median, percentile } from './stats.ts';

const CALLS = { smoke: 200, short: 20_000, full: 100_000 };
const WARM_CALLS = { smoke: 50, short: 2_000, full: 5_000 };
const HOST_CALLS = { smoke: 500, short: 20_000, full: 100_000 };
const TURNS = { smoke: 3, short: 25, full: 100 };
/** V8 compiles a function anew after this many calls at the latest; counted in turns of some milliseconds. */
const WARM_TURNS = 12;
const OVERHEAD_OF = ['sha', 'matmul', 'sort', 'sieve'];
const US_PER_MS = 1_000;

export const calls = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const runner = await chassis.runner();
  await loadInto(runner, await echoModule());
  const input = Buffer.from('0123456789abcdef');
  const request = requestOf({ input });
  for (let i = 0; i < sized(size, WARM_CALLS); i += 1) await runner.run(request);
  const count = sized(size, CALLS);
  const us = new Float64Array(count);
  const startedAt = performance.now();
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    const { output } = await runner.run(request);
    us[i] = (performance.now() - at) * US_PER_MS;
    if (output.length !== input.length) check(false, `${output.length} bytes came back`);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await runner.destroy();
  await chassis.close();
  return {
    'chassis.call.p50Us': percentile(us, 0.5),
    'chassis.call.p99Us': percentile(us, 0.99),
    'chassis.call.perS': count / seconds,
  };
};

export const hostCalls = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const runner = await chassis.runner();
  const count = sized(size, HOST_CALLS);
  await loadInto(runner, await callModule(count));
  const nothing = new Uint8Array();
  let answered = 0;
  const us: number[] = [];
  let last = 0;
  const run = () =>
    ran(runner, {
      onCall: () => {
        const now = performance.now();
        if (answered > 0) us.push((now - last) * US_PER_MS);
        last = now;
        answered += 1;
        return Promise.resolve(nothing);
      },
    });
  await run();
  check(answered === count, `${answered} of ${count} calls came`);
  await runner.destroy();
  await chassis.close();
  return { 'chassis.hostCall.p50Us': median(us), 'chassis.hostCall.p99Us': percentile(us, 0.99) };
};

/** CPU of a call in a runner ÷ CPU of the same call in this process, turn by turn, so that both see the same machine. */
export const overhead = async (size: Size): Promise<Values> => {
  const chassis = await openChassis(1);
  const turns = sized(size, TURNS);
  const figures: Record<string, number> = {};
  let product = 1;
  for (const { name, text, large } of PROGRAMS.filter((one) => OVERHEAD_OF.includes(one.name))) {
    const bytes = await wasmOf(text);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(bytes)));
    const compute = instance.exports['compute'];
    if (typeof compute !== 'function') throw new Error(`${name} computes nothing`);
    const result = Number(compute(large));
    const runner = await chassis.runner();
    await loadInto(runner, await programModule(text, large, result));
    const bare = new Float64Array(turns);
    const jailed = new Float64Array(turns);
    for (let turn = -WARM_TURNS; turn < turns; turn += 1) {
      const ownAt = process.threadCpuUsage();
      check(Number(compute(large)) === result, `${name} computes another result`);
      const own = process.threadCpuUsage(ownAt);
      const ownMs = (own.user + own.system) / US_PER_MS;
      const guestAt = threadMsOf(runner.pid);
      await ran(runner);
      const guestMs = threadMsOf(runner.pid) - guestAt;
      if (turn < 0) continue;
      bare[turn] = ownMs;
      jailed[turn] = guestMs;
    }
    await runner.destroy();
    // The least of all turns is what the program takes where nobody disturbs it.
    const ratio = Math.min(...jailed) / Math.min(...bare);
    figures[`chassis.cpu.${name}`] = ratio;
    figures[`chassis.cpu.${name}.bareMs`] = Math.min(...bare);
    product *= ratio;
  }
  await chassis.close();
  return { ...figures, 'chassis.cpu.geomean': product ** (1 / OVERHEAD_OF.length) };
};
