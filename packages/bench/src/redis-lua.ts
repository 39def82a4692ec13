/**
 * The smallest durable claim that Redis can do: a Lua script that compares and sets the holder of a task and counts
 * its fence, with the append-only file synced before the answer. What BullMQ would cost without being a queue.
 */
import { Redis } from 'ioredis';

import { closedLoop } from './field.ts';
import { check, sized, type OpenProbe, type Values } from './probe.ts';
import { startRedis } from './redis-server.ts';
import { latencies } from './stats.ts';

const ALONE = { smoke: 50, short: 1_000, full: 1_000 };
const MANY = { smoke: 1_000, short: 20_000, full: 40_000 };
const LEASE_MS = 30_000;

/** KEYS: task. ARGV: holder, now, lease. Answers the fence, or 0 where somebody holds it. */
const CLAIM = `
local ends = redis.call('hget', KEYS[1], 'ends')
if ends and tonumber(ends) > tonumber(ARGV[2]) then return 0 end
redis.call('hset', KEYS[1], 'holder', ARGV[1], 'ends', ARGV[2] + ARGV[3])
return redis.call('hincrby', KEYS[1], 'fence', 1)`;

export const redisAlways: OpenProbe = async ({ size, folder }) => {
  const server = await startRedis(folder, 'always');
  const redis = new Redis({ host: '127.0.0.1', port: server.port });
  const sha = String(await redis.script('LOAD', CLAIM));
  let round = 0;
  const run = async (name: string, count: number, inFlight: number): Promise<Values> => {
    round += 1;
    let won = 0;
    const loop = await closedLoop(count, inFlight, (i, end) => {
      const claimed = redis.evalsha(sha, 1, `r${round}/t${i}`, 'bench', Date.now(), LEASE_MS);
      void claimed.then((fence) => {
        if (fence === 1) won += 1;
        end();
      });
    });
    check(won === count, `Redis gave ${won} tasks of ${count}`);
    return {
      [`redis.always.${name}.perS`]: loop.perS,
      ...latencies(`redis.always.${name}`, loop.ms),
    };
  };
  return {
    round: async () => ({
      ...(await run('alone', sized(size, ALONE), 1)),
      ...(await run('256', sized(size, MANY), 256)),
    }),
    close: async () => {
      redis.disconnect();
      await server.end();
    },
  };
};
