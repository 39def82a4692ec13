/** Gang up on a blocker: one session holds up three; each of them is leased its side in the entry that says so. */
import type { Client, Lease, Session } from '../../packages/sdk/src/index.ts';
import type { Story } from './story.ts';

const PLAN = 'sip-bridges';
const SIDES = ['integration:ndi', 'integration:webrtc', 'integration:h323'] as const;
/** Longest that a helper waits for its lease, ms: longer means that it was not pushed. */
const WAIT_MS = 20_000;

/** Throws where a helper is not leased its side. */
export async function gangUp(client: Client, story: Story): Promise<void> {
  story.chapter('A session is stuck, and those who wait for it help');
  await client.call('plans.submit', {
    plan: {
      id: PLAN,
      tasks: [
        { key: 'bridges', title: 'SIP bridges', needs: ['integration:sip'] },
        ...SIDES.map((side, at) => ({
          key: `after-${at + 1}`,
          title: `What needs the ${side} bridge`,
          needs: [side],
          dependsOn: ['bridges'],
        })),
      ],
    },
  });
  const holder = await client.openSession({ agent: 'sip', capabilities: ['integration:sip'] });
  const helpers = await Promise.all(
    SIDES.map((side) =>
      client.openSession({ agent: side.replace('integration:', ''), capabilities: [side] }),
    ),
  );
  const lease = await holder.claim(`${PLAN}/bridges`);
  // Of this plan only: the helpers have nothing else to do here.
  const waiting = helpers.map((helper) => helper.next({ planId: PLAN, waitMs: WAIT_MS }));
  await hasWaiting(client, helpers.length);
  const startedMs = performance.now();
  const raised = await holder.call('blockers.raise', {
    taskId: lease.taskId,
    fencingToken: lease.grant.fencingToken,
    kind: 'integration',
    title: 'three bridges, each with a protocol that is not ours',
    needs: [...SIDES],
  });
  const leases = (await Promise.all(waiting)).flat();
  const tookMs = performance.now() - startedMs;
  if (raised.helpers.length !== SIDES.length || leases.length !== SIDES.length)
    throw new Error(`${leases.length} of ${SIDES.length} helpers have a lease`);
  story.good(
    `sip raises a blocker; ${raised.helpers.map(({ agent }) => agent).join(', ')} hold their help tasks ${tookMs.toFixed(1)} ms later`,
  );
  await handIn(leases);
  story.good('each side is handed in; with the last of them the blocker is resolved');
  await lease.complete({ exitCode: 0, summary: 'integrated' });
  await drain(helpers);
  await Promise.all([holder, ...helpers].map((session) => session.close('The bridges stand.')));
}

/** Whoever raises before the others wait finds nobody. */
async function hasWaiting(client: Client, count: number): Promise<void> {
  const untilMs = performance.now() + WAIT_MS;
  while ((await client.call('realm.status', {})).sessions.waiting < count) {
    if (performance.now() > untilMs) throw new Error('the helpers do not wait');
  }
}

async function handIn(leases: readonly Lease[]): Promise<void> {
  for (const lease of leases) await lease.complete({ exitCode: 0, summary: 'its side works' });
}

/** What waited for the bridges. */
async function drain(helpers: readonly Session[]): Promise<void> {
  for (const helper of helpers) await handIn(await helper.next({ planId: PLAN }));
}
