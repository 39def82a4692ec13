/**
 * From a blocker to its helpers: three sessions wait, each for one of three needs, and somebody raises a blocker that
 * needs all three. Timed from sending the raise to the last helper's grant in hand, its entry on disk: in this process,
 * and over HTTP against a leader of its own, whose helpers wait on WebSockets.
 */
import { randomUUID } from 'node:crypto';
import { Agent as HttpAgent, request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { openField, type Field } from './field.ts';
import { check, sized, type Size, type Values } from './probe.ts';
import { Stage, type Agent } from './stage.ts';
import { latencies } from './stats.ts';
import { SyncedFile } from './synced-file.ts';

const RUNS = { smoke: 5, short: 500, full: 2_000 };
/** Not counted. */
const WARM_UP = { smoke: 1, short: 50, full: 100 };
const NEEDS = ['integration:ndi', 'integration:sip', 'integration:webrtc'] as const;
/** Longer than a run. */
const WAIT_MS = 25_000;

export async function blockerToLeases(size: Size, folder: string): Promise<Values> {
  return {
    ...(await inProcess(size, join(folder, 'blocker'))),
    ...(await overHttp(size, join(folder, 'blocker-http'))),
  };
}

/** What the runs of both sides do: prepares one, raises, waits for all helpers, takes everything back. */
interface Story {
  /** Answers when every helper waits and the holder has its lease. */
  prepare(): Promise<void>;
  /** Answers when every helper has its grant. */
  raise(): Promise<void>;
  undo(): Promise<void>;
}

/** Beside each run a raw synced write: what the disk and the machine's other work do to both is the same. */
async function told(
  name: string,
  { size, folder }: { readonly size: Size; readonly folder: string },
  story: Story,
): Promise<Values> {
  const runs = sized(size, RUNS);
  const warmUp = sized(size, WARM_UP);
  const raw = new SyncedFile(folder);
  const ms = new Float64Array(runs);
  const rawMs: number[] = [];
  for (let i = 0; i < runs + warmUp; i += 1) {
    await story.prepare();
    const startedAt = performance.now();
    await story.raise();
    if (i >= warmUp) {
      ms[i - warmUp] = performance.now() - startedAt;
      rawMs.push(...raw.syncs(1));
    }
    await story.undo();
  }
  raw.close();
  return { ...latencies(name, ms), ...latencies(`${name}.raw`, rawMs) };
}

/** What the holder alone can do: helpers, who wait for any work, are not given its task. */
const OWN = ['integration:nats'];
const PLAN = { id: 'story', tasks: [{ key: 't', title: 'a task that gets stuck', needs: OWN }] };
const TASK_ID = 'story/t';

const raiseOf = (fencingToken: unknown): object => ({
  taskId: TASK_ID,
  fencingToken,
  kind: 'dependency',
  title: 'nobody here knows this protocol',
  needs: NEEDS,
});

const field = (value: unknown, key: string): unknown => Reflect.get(Object(value), key);

/** (h) An embedder's fabric: its journal synced, its witness beside it. */
async function inProcess(size: Size, folder: string): Promise<Values> {
  const own = await openField('file', folder);
  await own.call('plans.submit', { plan: PLAN });
  const open = async (agent: string, capabilities: readonly string[]): Promise<unknown> =>
    field(await own.call('sessions.open', { agent, capabilities }), 'sessionId');
  const holder = await open('holder', OWN);
  const helpers = await Promise.all(NEEDS.map((need, i) => open(`helper-${i}`, [need])));
  let grants: readonly Promise<unknown>[] = [];
  let lease: unknown;
  let raised: Promise<unknown> = Promise.resolve();
  const values = await told(
    'match.blocker',
    { size, folder },
    {
      prepare: async () => {
        lease = await own.call('tasks.claim', { taskId: TASK_ID, sessionId: holder });
        grants = helpers.map((sessionId) => own.call('tasks.next', { sessionId, waitMs: WAIT_MS }));
        await waiting(own, NEEDS.length);
      },
      raise: async () => {
        raised = own.call('blockers.raise', raiseOf(field(lease, 'fencingToken')));
        for (const grant of await Promise.all(grants)) checkHelp(field(grant, 'grants'));
      },
      undo: async () => {
        const blockerId = field(await raised, 'blockerId');
        await own.call('blockers.resolve', { blockerId, resolution: 'shown how' });
        const fencingToken = field(lease, 'fencingToken');
        await own.call('tasks.release', { taskId: TASK_ID, fencingToken });
      },
    },
  );
  await own.fabric.close();
  return values;
}

/** Whether so many tickets wait: a `tasks.next` waits from the turn on in which it is answered that nothing is ready. */
async function waiting(own: Field, count: number): Promise<void> {
  const sessions = field(await own.call('realm.status', {}), 'sessions');
  check(field(sessions, 'waiting') === count, 'a helper does not wait');
}

function checkHelp(grants: unknown): void {
  check(Array.isArray(grants) && grants.length === 1, 'a helper without its grant');
  const [grant] = grants;
  check(String(field(grant, 'taskId')).startsWith('story/help.'), 'a grant of another task');
}

/** (g) A leader of its own; the holder calls over HTTP, on a connection that is kept. */
async function overHttp(size: Size, folder: string): Promise<Values> {
  const stage = await Stage.open(folder);
  await stage.operator.call('plans.submit', { plan: PLAN });
  const helpers: Agent[] = [];
  for (const need of NEEDS) helpers.push(await stage.agent([need]));
  const { sessionId } = await stage.operator.call('sessions.open', {
    agent: 'holder',
    capabilities: OWN,
  });
  const post = poster(stage);
  let left = 0;
  let all: () => void = () => undefined;
  for (const { wire, sessionId: helper } of helpers) {
    wire.stream('wait', { sessionId: helper }, ({ grants }) => {
      if (grants === undefined) return;
      checkHelp(grants);
      left -= 1;
      if (left === 0) all();
    });
    // An answer to a call behind the ticket: it waits by then.
    await wire.call('sessions.heartbeat', { sessionId: helper });
  }
  let lease: unknown;
  let raised: Promise<unknown> = Promise.resolve();
  const values = await told(
    'match.blockerHttp',
    { size, folder },
    {
      prepare: async () => {
        lease = await post('tasks.claim', { taskId: TASK_ID, sessionId });
      },
      raise: async () => {
        left = helpers.length;
        const held = new Promise<void>((resolve) => {
          all = resolve;
        });
        raised = post('blockers.raise', raiseOf(field(lease, 'fencingToken')));
        await held;
      },
      undo: async () => {
        const blockerId = field(await raised, 'blockerId');
        await post('blockers.resolve', { blockerId, resolution: 'shown how' });
        await post('tasks.release', {
          taskId: TASK_ID,
          fencingToken: field(lease, 'fencingToken'),
        });
      },
    },
  );
  await stage.close();
  return values;
}

/** Calls over HTTP. Throws where the fabric refuses. */
function poster({ url, operatorToken }: Stage): (op: string, input: object) => Promise<unknown> {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  return (op, input) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        `${url}/v1/${op}`,
        {
          agent,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${operatorToken}`,
            'idempotency-key': randomUUID(),
          },
        },
        (incoming) => {
          json(incoming).then((answer) => {
            if (incoming.statusCode === 200) resolve(answer);
            else reject(new Error(`${op}: ${JSON.stringify(answer)}`));
          }, reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify(input));
    });
}
