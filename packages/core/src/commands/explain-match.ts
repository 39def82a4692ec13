/** Which swarm would be chosen for a task, and why: every registered swarm with its numbers. */
import { reject } from '@infrafabric/protocol';
import type { CandidateRow, OutputOf, ParsedOf, Rejection } from '@infrafabric/protocol';
import { findTask, idOf, NONE, planOf, needsOf, page, specOf } from '../coordinator/index.ts';
import { balanceOf, dollars, draftOf, expectedCostOf, reputationOf } from '../governor/index.ts';
import type { SwarmState } from '../governor/index.ts';
import { enoughOf, matchPermilleOf } from '../kernel/matching.ts';
import type { World } from '../world.ts';
import { liveLeases, moneyOf } from './gate.ts';

const CANDIDATES_DEFAULT = 100;
const MICRO = 1_000_000;

type Judged = Omit<CandidateRow, 'verdict'> & {
  readonly qualifies: boolean;
  /** The score before it was rounded for people: it ranks. */
  readonly exact: number;
};

export const explainMatch = (
  world: World,
  input: ParsedOf<'match.explain'>,
): OutputOf<'match.explain'> | Rejection => {
  const { coordinator, governor } = world;
  const task = findTask(coordinator, input.taskId);
  if (task === NONE) return reject('task.not_found', `There is no task ${input.taskId}.`);
  const needs = needsOf(coordinator, task);
  const all = [...governor.swarms.values()]
    .map((swarm) => judged(world, task, swarm))
    .toSorted(byRank);
  const chosen = all.find(({ qualifies }) => qualifies)?.swarmId;
  const { rows, next } = page(
    all,
    { after: input.after, limit: input.limit ?? CANDIDATES_DEFAULT },
    {
      id: ({ swarmId }) => swarmId,
      row: (one): CandidateRow => candidateRow(one, chosen),
    },
  );
  // Ids inside the state were parsed when they came in.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    taskId: input.taskId,
    needs: [...needs],
    minMatchPermille: governor.policy.resource.minMatchPermille,
    ...(chosen === undefined ? {} : { chosen }),
    candidates: [...rows],
    ...(next === undefined ? {} : { next }),
  } as OutputOf<'match.explain'>;
};

/** Who qualifies first, then by score; ties by id (O2). */
const byRank = (a: Judged, b: Judged): number => {
  if (a.qualifies !== b.qualifies) return a.qualifies ? -1 : 1;
  if (a.exact !== b.exact) return b.exact - a.exact;
  return a.swarmId < b.swarmId ? -1 : 1;
};

const candidateRow = (
  { qualifies, exact: _exact, ...row }: Judged,
  chosen: string | undefined,
): CandidateRow => {
  if (!qualifies) return { ...row, verdict: 'refused' };
  if (row.swarmId === chosen)
    return { ...row, verdict: 'chosen', reason: 'it has the best score of all that qualify' };
  return {
    ...row,
    verdict: 'qualified',
    reason: `it qualifies, and ${String(chosen)} has a better score`,
  };
};

const judged = (world: World, task: number, swarm: SwarmState): Judged => {
  const { coordinator, governor } = world;
  const { resource } = governor.policy;
  const { profile } = swarm;
  const spec = specOf(coordinator, task);
  const needs = needsOf(coordinator, task);
  const has = new Set<string>(profile.capabilities);
  const missing = needs.filter((need) => !has.has(need));
  const matchPermille = matchPermilleOf(needs.length - missing.length, needs.length);
  const reputationPermille = reputationOf(swarm);
  const expectedMicroUsd = expectedCostOf(spec, profile);
  const draft = draftOf(governor);
  const share = needs.length === 0 ? 1 : (needs.length - missing.length) / needs.length;
  const score = (share * (reputationPermille / 1_000) * MICRO) / Math.max(1, expectedMicroUsd);
  const taskId = idOf(coordinator, task);
  // Which of its sessions would claim it is open: of limits, those of the other accounts count.
  const payers = { planId: planOf(coordinator, task).id, taskId, sessionId: '', swarmId: swarm.id };
  const money = moneyOf({ world, draft }, { taskId, spec }, payers, profile);
  const { amount: reserveMicroUsd, short } = money;
  const reason =
    refusalOf(world, swarm) ??
    (needs.length - missing.length < enoughOf(needs.length, resource.minMatchPermille)
      ? `it has ${percent(matchPermille)} of the needs, and ${percent(resource.minMatchPermille)} are asked for`
      : undefined) ??
    (short === undefined
      ? undefined
      : `${short} has ${dollars(balanceOf(draft, short).available)} left, and ${dollars(reserveMicroUsd)} would be reserved`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    swarmId: swarm.id,
    matchPermille,
    missing,
    reputationPermille,
    expectedMicroUsd,
    reserveMicroUsd,
    availableMicroUsd: balanceOf(draft, `swarm:${swarm.id}`).available,
    score: Math.round(score * MICRO) / MICRO,
    exact: score,
    openSessions: governor.sessionsOf.get(swarm.id)?.size ?? 0,
    reason: reason ?? '',
    qualifies: reason === undefined,
  } as Judged;
};

const percent = (permille: number): string => `${permille / 10} %`;

const refusalOf = (world: World, swarm: SwarmState): string | undefined => {
  const { state, reason } = swarm.breaker;
  if (state === 'open') return `its breaker is open: ${String(reason)}`;
  return state === 'half-open' && liveLeases({ world }, swarm) > 0
    ? 'it is tried with one lease at a time, and has one'
    : undefined;
};
