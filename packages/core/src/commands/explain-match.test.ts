/** Every candidate of a task with its numbers, and why it was or was not chosen. */
import type { CandidateRow } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { expect, test } from 'vitest';
import { explainMatch } from './explain-match.ts';

const DOLLAR = 1_000_000;

const swarm = (swarmId: string, more: object = {}) => ({
  swarmId,
  capabilities: ['integration:sip', 'code-analysis:python'],
  costPerHourMicroUsd: 2 * DOLLAR,
  limitMicroUsd: 40 * DOLLAR,
  ...more,
});

/** p/sip needs one thing, p/both two, p/any nothing. */
const begun = (...swarms: readonly object[]): RealmRun => {
  const realm = openedRealm();
  for (const profile of swarms) realm.submit({ op: 'swarms.register', args: { profile } });
  const tasks = [
    { key: 'sip', title: 'S', needs: ['integration:sip'] },
    { key: 'both', title: 'B', needs: ['integration:sip', 'integration:ndi'] },
    { key: 'any', title: 'A', estimateMinutes: 30 },
  ];
  realm.submit({ op: 'plans.submit', args: { plan: { id: 'p', tasks } } });
  return realm;
};

const explain = ({ world }: RealmRun, input: object) => {
  const answer = explainMatch(world, input as Parameters<typeof explainMatch>[1]);
  if ('candidates' in answer) return answer;
  throw new Error(`defect: ${answer.detail}`);
};
const told = (rows: readonly CandidateRow[]): string[] =>
  rows.map(({ swarmId, verdict, reason }) => `${swarmId} ${verdict}: ${reason}`);

test('the numbers of a candidate: match, reputation, cost, what would be set aside, score', () => {
  const realm = begun(swarm('s', { reputationPermille: 900 }));
  for (const id of ['ada', 'bob'])
    realm.run('sessions.open', { agent: id, swarm: 's' }, { ids: [id] });
  realm.run('tasks.claim', { taskId: 'p/any', sessionId: 'bob' });
  expect(explain(realm, { taskId: 'p/sip' })).toStrictEqual({
    taskId: 'p/sip',
    needs: ['integration:sip'],
    minMatchPermille: 700,
    chosen: 's',
    candidates: [
      {
        swarmId: 's',
        matchPermille: 1_000,
        missing: [],
        reputationPermille: 900,
        expectedMicroUsd: 2 * DOLLAR,
        reserveMicroUsd: 4 * DOLLAR,
        availableMicroUsd: 38 * DOLLAR,
        score: 0.45,
        openSessions: 2,
        verdict: 'chosen',
        reason: 'it has the best score of all that qualify',
      },
    ],
  });
  expect(explain(realm, { taskId: 'p/both' }).candidates).toMatchObject([
    { matchPermille: 500, missing: ['integration:ndi'], score: 0.225 },
  ]);
});

test('who qualifies stands first, the best in front; each of the others has its reason', () => {
  const realm = begun(
    swarm('good'),
    swarm('free', { costPerHourMicroUsd: 0 }),
    swarm('lacks', { capabilities: ['integration:ndi'] }),
    swarm('stopped'),
    swarm('broke', { limitMicroUsd: DOLLAR }),
    swarm('tried'),
  );
  realm.run('breakers.trip', { swarmId: 'stopped', reason: 'it went wrong' });
  realm.run('breakers.trip', { swarmId: 'tried', reason: 'r' });
  realm.run('breakers.reset', { swarmId: 'tried', reason: 'r' });
  const isTriedFit = (): boolean =>
    told(explain(realm, { taskId: 'p/sip' }).candidates).some((row) =>
      row.startsWith('tried qualified'),
    );
  expect(isTriedFit()).toBe(true);
  realm.run('sessions.open', { agent: 'ada', swarm: 'tried' }, { ids: ['ada'] });
  const qualified = told(explain(realm, { taskId: 'p/sip' }).candidates).slice(0, 3);
  expect(qualified).toStrictEqual([
    'free chosen: it has the best score of all that qualify',
    'good qualified: it qualifies, and free has a better score',
    'tried qualified: it qualifies, and free has a better score',
  ]);
  realm.run('tasks.claim', { taskId: 'p/any', sessionId: 'ada' });
  expect(told(explain(realm, { taskId: 'p/sip' }).candidates).slice(2)).toStrictEqual([
    'broke refused: swarm:broke has $1.00 left, and $4.00 would be reserved',
    'stopped refused: its breaker is open: it went wrong',
    'tried refused: it is tried with one lease at a time, and has one',
    'lacks refused: it has 0 % of the needs, and 70 % are asked for',
  ]);
});

test('nobody qualifies: nobody is chosen, and everybody is told why', () => {
  const answer = explain(begun(swarm('s')), { taskId: 'p/both' });
  expect(answer).not.toHaveProperty('chosen');
  expect(told(answer.candidates)).toStrictEqual([
    's refused: it has 50 % of the needs, and 70 % are asked for',
  ]);
  expect(explain(begun(), { taskId: 'p/any' }).candidates).toStrictEqual([]);
});

test('the cheaper by a micro-dollar an hour is chosen, though people read the same score', () => {
  const realm = begun(swarm('a'), swarm('z', { costPerHourMicroUsd: 2 * DOLLAR - 1 }));
  const { chosen, candidates } = explain(realm, { taskId: 'p/sip' });
  expect(chosen).toBe('z');
  expect(new Set(candidates.map(({ score }) => score)).size).toBe(1);
});

test('equals go by id', () => {
  const realm = begun(swarm('b'), swarm('a'), swarm('c'));
  expect(
    explain(realm, { taskId: 'p/any' }).candidates.map(({ swarmId }) => swarmId),
  ).toStrictEqual(['a', 'b', 'c']);
});

test('what the task itself has left counts: of one that has spent all nobody is chosen', () => {
  const realm = begun(swarm('s'));
  realm.run('sessions.open', { agent: 'ada', swarm: 's' }, { ids: ['ada'] });
  realm.run('tasks.claim', { taskId: 'p/sip', sessionId: 'ada' });
  const fence = realm.fenceOf('p/sip');
  realm.run('usage.record', { taskId: 'p/sip', fence, microUsd: 10 * DOLLAR });
  realm.run('tasks.release', { taskId: 'p/sip', fence });
  expect(told(explain(realm, { taskId: 'p/sip' }).candidates)).toStrictEqual([
    's refused: task:p/sip has $0.00 left, and $4.00 would be reserved',
  ]);
});

test('page by page', () => {
  const realm = begun(swarm('b'), swarm('a'), swarm('c'));
  const first = explain(realm, { taskId: 'p/any', limit: 2 });
  expect(first).toMatchObject({ next: 'b', candidates: { length: 2 } });
  const rest = explain(realm, { taskId: 'p/any', limit: 2, after: first.next });
  expect(rest.candidates.map(({ swarmId }) => swarmId)).toStrictEqual(['c']);
  expect(rest).not.toHaveProperty('next');
});

test('a task that there is not', () => {
  const input = { taskId: 'p/none' } as Parameters<typeof explainMatch>[1];
  expect(explainMatch(begun().world, input)).toMatchObject({ code: 'task.not_found' });
});
