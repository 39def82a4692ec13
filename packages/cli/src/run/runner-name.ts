/** Names of runners, and what is done about those that died. */
import { hostname } from 'node:os';
import type { Client } from '@infrafabric/sdk';
import { isAlive } from '../server/serve-file.ts';

/** `run-<process>@<host>`: tells a person where an agent lives, and the next runner whether it still does. */
export const runnerName = (pid: number): string => `run-${pid}@${host()}`;

const host = (): string =>
  hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .slice(0, 40) || 'host';

/**
 * Ends the sessions that runners of this machine left behind when they were killed, so that their tasks are ready now
 * and not when the leases expire. A process number that was given to another program meanwhile only makes it wait.
 */
export async function endDeadRunners(client: Client): Promise<number> {
  const { sessions } = await client.call('sessions.list', { status: 'open', limit: 1_000 });
  let ended = 0;
  for (const { sessionId, agent } of sessions) {
    const [, pid, where] = /^run-(\d{1,10})@([^/]+)\//.exec(agent) ?? [];
    if (pid === undefined || where !== host() || isAlive({ pid: Number(pid) })) continue;
    const reason = `its runner, process ${pid}, has ended`;
    await client.call('sessions.revoke', { sessionId, reason });
    ended += 1;
  }
  return ended;
}
