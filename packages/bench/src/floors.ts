/**
 * What the machine itself takes (B0): a durable write, a wake-up, a pipe, a WebSocket. Measured in every round, so
 * that each figure has its floor of the same minute.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { NODE_FLAGS, startScript } from './child.ts';
import { check, sized, type OpenProbe, type Values } from './probe.ts';
import { latencies, percentile } from './stats.ts';
import { SyncedFile } from './synced-file.ts';
import { openWire } from './wire.ts';

/** Longer gaps of a loop that does nothing else are the scheduler's. */
const GAP_MS = 0.2;

const SYNCS = { smoke: 50, short: 1_000, full: 2_000 };
const TRIPS = { smoke: 50, short: 1_000, full: 4_000 };
const SPIN_MS = { smoke: 20, short: 200, full: 500 };
const HASHES = { smoke: 5_000, short: 100_000, full: 200_000 };

export const floors: OpenProbe = async ({ size, folder }) => {
  const file = new SyncedFile(folder);
  const pipe = startPipe();
  const echo = await startScript(here('echo-process.ts'), []);
  const wire = await openWire(`ws://127.0.0.1:${echo.words[0] ?? ''}/`);
  return {
    round: async () => ({
      ...latencies('floor.sync', file.syncs(sized(size, SYNCS))),
      ...spin(sized(size, SPIN_MS)),
      ...sha256(sized(size, HASHES)),
      ...(await pipeTrips(pipe, sized(size, TRIPS))),
      ...(await echoTrips((text) => wire.trip(text), sized(size, TRIPS))),
    }),
    close: async () => {
      file.close();
      pipe.kill();
      wire.close();
      await echo.end();
    },
  };
};

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** How often, and how long, the scheduler takes the processor away from a loop that never gives it up. */
function spin(forMs: number): Values {
  const endsAt = performance.now() + forMs;
  let gaps = 0;
  let longest = 0;
  for (let last = performance.now(); last < endsAt;) {
    const now = performance.now();
    if (now - last > GAP_MS) gaps += 1;
    longest = Math.max(longest, now - last);
    last = now;
  }
  return { 'floor.spin.gapsPerS': gaps / (forMs / 1_000), 'floor.spin.longestMs': longest };
}

/** The yardstick of the micro figures: 540 bytes, a string result. */
function sha256(count: number): Values {
  const bytes = new Uint8Array(540).fill(7);
  const at = performance.now();
  let sum = 0;
  for (let i = 0; i < count; i += 1) {
    bytes[0] = i;
    sum += hash('sha256', bytes, 'base64').length;
  }
  const us = ((performance.now() - at) * 1_000) / count;
  check(sum === count * 44, 'a digest of another length');
  return { 'floor.sha256.us': us };
}

function startPipe(): ChildProcess {
  const code = "process.stdin.on('data', (bytes) => process.stdout.write(bytes))";
  return spawn(process.execPath, [...NODE_FLAGS, '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function pipeTrips({ stdin, stdout }: ChildProcess, count: number): Promise<Values> {
  check(stdin !== null && stdout !== null, 'no pipe');
  const ms = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    stdin.write('x');
    await once(stdout, 'data');
    ms[i] = performance.now() - at;
  }
  return { 'floor.pipe.p50Ms': percentile(ms, 0.5), 'floor.pipe.p99Ms': percentile(ms, 0.99) };
}

async function echoTrips(trip: (text: string) => Promise<string>, count: number): Promise<Values> {
  const ms = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const text = `{"id":${i},"op":"echo"}`;
    const at = performance.now();
    const answer = await trip(text);
    ms[i] = performance.now() - at;
    check(answer === text, 'an echo of something else');
  }
  return latencies('floor.echo', ms);
}
