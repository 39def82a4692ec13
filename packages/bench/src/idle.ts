/** What a fabric costs that has nothing to do, and how soon a new one does something (P14). */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '@infrafabric/sdk';

import { check, sized } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { Stage } from './stage.ts';
import { median } from './stats.ts';

const SESSIONS = 100;
const IDLE_MS = { smoke: 1_000, short: 20_000, full: 60_000 };
const STARTS = { smoke: 1, short: 5, full: 10 };
/** What has just started is not idle yet. */
const QUIET_MS = 500;

/** Sessions of the SDK: each on a connection of its own, each with its heartbeat. */
export const idle: MeasureOnce = async ({ size, folder }) => {
  const stage = await Stage.open(folder);
  const { url, operatorToken: token } = stage;
  const clients = await Promise.all(
    Array.from({ length: SESSIONS }, () => connect({ url, token, transport: 'ws' })),
  );
  const sessions = await Promise.all(
    clients.map((client) => client.openSession({ agent: 'bench' })),
  );
  await pause(QUIET_MS);
  const forMs = sized(size, IDLE_MS);
  const before = stage.cpuMs();
  await pause(forMs);
  const cpuMs = stage.cpuMs() - before;
  const status = await stage.operator.call('realm.status', {});
  check(Number(Object(status['sessions'])['open']) === SESSIONS, 'sessions have gone');
  await Promise.all(sessions.map((session) => session.close()));
  for (const client of clients) client.close();
  await stage.close();
  return { 'idle.sessions': SESSIONS, 'idle.cpuShare': cpuMs / forMs };
};

/** An empty folder, a new process, a realm, a plan, a session, a claim over the wire: answered durably. */
export const cold: MeasureOnce = async ({ size, folder }) => {
  const seconds: number[] = [];
  for (let start = 0; start < sized(size, STARTS); start += 1) {
    const startedAt = performance.now();
    const stage = await Stage.open(join(folder, String(start)));
    const [taskId = ''] = await stage.tasks(1);
    const { wire, sessionId } = await stage.agent();
    const grant = await wire.call('tasks.claim', { sessionId, taskId });
    seconds.push((performance.now() - startedAt) / 1_000);
    check(grant['fence'] === 1, 'the first grant is not the first');
    await stage.close();
  }
  return { 'cold.firstClaimS': median(seconds) };
};
