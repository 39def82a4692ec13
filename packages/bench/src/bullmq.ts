/**
 * BullMQ as the peer (B3): its own claim (`getNextJob`, which locks a job for a worker), and the time from `add` to
 * the processor. Redis answers after its fsync, so the row is durable like ours. One connection, as its pipelining
 * client is fastest; no event stream, no stalled checker, no metrics: nothing that a claim does not need.
 */
import { Queue, Worker, type Job } from 'bullmq';

import { closedLoop } from './field.ts';
import {
  check,
  sized,
  type OpenProbe,
  type Probe,
  type ProbeOptions,
  type Values,
} from './probe.ts';
import { startRedis, type AppendFsync } from './redis-server.ts';
import { latencies } from './stats.ts';

const ALONE = { smoke: 50, short: 1_000, full: 1_000 };
const SIXTEEN = { smoke: 200, short: 2_000, full: 4_000 };
const MANY = { smoke: 1_000, short: 10_000, full: 20_000 };
const PUSHES = { smoke: 20, short: 300, full: 1_000 };
const ADD_AT_ONCE = 1_000;

/** Longer than a run, so that no lock is renewed or lost in it, ms. */
const LOCK_MS = 600_000;
const TOKEN = 'bench';

export const bullmqAlways: OpenProbe = (options) => open(options, 'always');
/** Not durable: synced once a second. Compared only with what the operating system alone holds. */
export const bullmqEverysec: OpenProbe = (options) => open(options, 'everysec');

async function open({ size, folder }: ProbeOptions, appendFsync: AppendFsync): Promise<Probe> {
  const redis = await startRedis(folder, appendFsync);
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue('claims', { connection });
  const claimer = new Worker('claims', null, {
    connection,
    autorun: false,
    lockDuration: LOCK_MS,
    skipStalledCheck: true,
    skipLockRenewal: true,
  });
  await Promise.all([queue.waitUntilReady(), claimer.waitUntilReady()]);
  const run = { queue, claimer, prefix: `bullmq.${appendFsync}` };
  return {
    round: async () => ({
      ...(await claims(run, 'alone', { count: sized(size, ALONE), inFlight: 1 })),
      ...(await claims(run, '16', { count: sized(size, SIXTEEN), inFlight: 16 })),
      ...(await claims(run, '256', { count: sized(size, MANY), inFlight: 256 })),
      ...(await pushes(connection, run.prefix, sized(size, PUSHES))),
    }),
    close: async () => {
      await claimer.close(true);
      await queue.close();
      await redis.end();
    },
  };
}

interface Run {
  readonly queue: Queue;
  readonly claimer: Worker;
  /** Of the figures' names. */
  readonly prefix: string;
}

async function claims(
  { queue, claimer, prefix }: Run,
  name: string,
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
): Promise<Values> {
  const job = { name: 'task', data: { title: 'a task of the field' } };
  for (let left = count; left > 0; left -= ADD_AT_ONCE) {
    await queue.addBulk(Array.from({ length: Math.min(left, ADD_AT_ONCE) }, () => job));
  }
  const won = new Set<string>();
  const loop = await closedLoop(count, inFlight, (_, end) => {
    const claimed: Promise<Job | undefined> = claimer.getNextJob(TOKEN, { block: false });
    void claimed.then((job_) => {
      if (job_?.id !== undefined) won.add(job_.id);
      end();
    });
  });
  check(won.size === count, `BullMQ gave ${won.size} jobs of ${count}`);
  await queue.obliterate({ force: true });
  return {
    [`${prefix}.${name}.perS`]: loop.perS,
    [`${prefix}.${name}.threadUs`]: loop.threadUs,
    ...latencies(`${prefix}.${name}`, loop.ms),
  };
}

async function pushes(
  connection: { readonly host: string; readonly port: number },
  prefix: string,
  count: number,
): Promise<Values> {
  const queue = new Queue('pushes', { connection });
  let onStart = (): void => undefined;
  const worker = new Worker('pushes', () => Promise.resolve(onStart()), {
    connection: { ...connection, maxRetriesPerRequest: null },
    skipStalledCheck: true,
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const ms = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    const started = new Promise<void>((resolve) => {
      onStart = resolve;
    });
    const added = queue.add('task', { i }, { removeOnComplete: true });
    await started;
    ms[i] = performance.now() - at;
    await added;
  }
  await worker.close(true);
  await queue.close();
  return latencies(`${prefix}.push`, ms);
}
