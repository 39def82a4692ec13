/** Two sessions race for one task; then what else the fabric refuses, each with its reason. */
import { FabricError } from '../../packages/sdk/src/index.ts';
import type { Client, Lease, Session } from '../../packages/sdk/src/index.ts';
import type { Story } from './story.ts';

const PLAN = 'swarm-of-swarms';

export interface RaceResult {
  readonly firstClaimS: number;
  /** Codes of everything that was refused here. */
  readonly refused: readonly string[];
}

/** Throws where the race has not exactly one winner, or where something that must be refused is not. */
export async function raceAndRefuse(client: Client, story: Story): Promise<RaceResult> {
  const capabilities = ['integration:ndi', 'docs:technical-writing'];
  const open = (agent: string, has: readonly string[]): Promise<Session> =>
    client.openSession({ agent, capabilities: [...has], leasesMax: 2 });
  const [left, right, scribe] = await Promise.all([
    open('rival-left', capabilities),
    open('rival-right', capabilities),
    open('scribe', ['docs:technical-writing']),
  ]);
  story.chapter('Two sessions race for one task');
  const { winner, loser, lease, refusal } = await race(left, right);
  const firstClaimS = story.seconds;
  story.good(`${winner.agent} holds ${lease.taskId} under fence ${lease.grant.fence}`);
  story.refusal(`${loser.agent} claims it, too`, refusal);

  story.chapter('What else is refused, and why');
  const refused = [refusal.code];
  for (const [who, act] of attempts(client, { loser, lease, scribe })) {
    const no = await refusalOf(act);
    story.refusal(who, no);
    refused.push(no.code);
  }
  await lease.complete({ exitCode: 0, summary: 'simulated work' });
  story.good(`${winner.agent} completes ${lease.taskId}; what waited for it is ready at once`);
  await Promise.all([left, right, scribe].map((session) => session.close('The race is over.')));
  return { firstClaimS, refused };
}

interface Race {
  readonly winner: Session;
  readonly loser: Session;
  readonly lease: Lease;
  readonly refusal: Refusal;
}

export interface Refusal {
  readonly code: string;
  readonly detail: string;
}

async function race(left: Session, right: Session): Promise<Race> {
  const taskId = `${PLAN}/s1-p01-design`;
  const claim = async (session: Session) => {
    try {
      return { session, lease: await session.claim(taskId) } as const;
    } catch (cause) {
      if (!(cause instanceof FabricError)) throw cause;
      return { session, refusal: { code: cause.code, detail: cause.problem.detail } } as const;
    }
  };
  const [one, other] = await Promise.all([claim(left), claim(right)]);
  const won = [one, other].find((result) => 'lease' in result);
  const lost = [one, other].find((result) => 'refusal' in result);
  if (won?.lease === undefined || lost?.refusal === undefined) {
    throw new Error(`the race for ${taskId} has no single winner`);
  }
  return { winner: won.session, lease: won.lease, loser: lost.session, refusal: lost.refusal };
}

interface Scene {
  readonly loser: Session;
  readonly lease: Lease;
  readonly scribe: Session;
}

type Attempt = readonly [who: string, act: () => Promise<unknown> | undefined];

function attempts(client: Client, { loser, lease, scribe }: Scene): readonly Attempt[] {
  const { taskId, grant } = lease;
  return [
    [
      `${loser.agent} completes it with the winner’s token`,
      () => loser.call('tasks.complete', { taskId, fencingToken: grant.fencingToken }),
    ],
    [
      `${loser.agent} completes it with a token it made up`,
      () => loser.call('tasks.complete', { taskId, fencingToken: forged(grant.fencingToken) }),
    ],
    [`${loser.agent} claims what depends on it`, () => loser.claim(`${PLAN}/s1-p01-build`)],
    [`${scribe.agent} claims what it cannot do`, () => scribe.claim(`${PLAN}/s2-p01-design`)],
    [`${loser.agent} claims work of a later phase`, () => loser.claim(`${PLAN}/s1-p10-guard`)],
    [
      'the operator lets two tasks wait for each other',
      () =>
        client.call('plans.edit', {
          planId: PLAN,
          addDependencies: [{ task: 's1-p01-build', dependsOn: 's1-p01-tests' }],
        }),
    ],
  ];
}

/** The same length and alphabet, another content. */
const forged = (token: string): string =>
  token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA');

/** What the fabric says to an act that it must refuse. */
export async function refusalOf(act: Attempt[1]): Promise<Refusal> {
  try {
    await act();
  } catch (cause) {
    if (cause instanceof FabricError) return { code: cause.code, detail: cause.problem.detail };
    throw cause;
  }
  throw new Error('the fabric took what it had to refuse');
}
