/** Approvals and checks of phases: who may open what, and the whole of each refusal. */
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

/** `one` has a gate of two people and a check; `two` follows and opens only by approval. */
function phased(): RealmRun {
  const realm = openedRealm();
  realm.run('plans.submit', {
    plan: {
      id: 'p',
      phases: [
        { id: 'one', gate: { approvals: 2, checks: [{ name: 'tests', run: { shell: 'true' } }] } },
        { id: 'two', after: ['one'], autonomous: true },
      ],
      tasks: [
        { key: 'a', title: 'A', phase: 'one' },
        { key: 'b', title: 'B', phase: 'two' },
      ],
    },
  });
  return realm;
}

const approve = (realm: RealmRun, phase: string, principal: string, reason?: string) =>
  realm.run(
    'phases.approve',
    { planId: 'p', phase, ...(reason === undefined ? {} : { reason }) },
    { principal },
  );

test('refusals name the plan and the phase', () => {
  const realm = phased();
  expect(realm.run('phases.approve', { planId: 'q', phase: 'one' })).toEqual({
    kind: 'reject',
    code: 'plan.not_found',
    detail: 'There is no plan q.',
    facts: { planId: 'q' },
  });
  expect(approve(realm, 'six', 'ada')).toEqual({
    kind: 'reject',
    code: 'phase.not_found',
    detail: 'Plan p has no phase six.',
    facts: { planId: 'p', phase: 'six' },
  });
  realm.run('plans.cancel', { planId: 'p', reason: 'over' });
  expect(approve(realm, 'one', 'ada')).toEqual({
    kind: 'reject',
    code: 'plan.ended',
    detail: 'Plan p was cancelled.',
    facts: { planId: 'p' },
  });
});

test('a gate takes as many people as it wants, each once, with their reasons', () => {
  const realm = phased();
  expect(approve(realm, 'one', 'ada', 'read it')).toMatchObject({
    events: [{ by: 'ada', for: 'gate', phase: 'one', reason: 'read it' }],
  });
  expect(approve(realm, 'one', 'ada')).toMatchObject({ kind: 'unchanged' });
  const second = approve(realm, 'one', 'bob');
  expect(second).toMatchObject({ events: [{ by: 'bob', for: 'gate' }] });
  expect(second.kind === 'accept' && 'reason' in (second.events[0] ?? {})).toBe(false);
  expect(approve(realm, 'one', 'cyd')).toEqual({
    kind: 'reject',
    code: 'phase.not_waiting',
    detail: 'Phase one is open and waits for no approval.',
    facts: { planId: 'p', phase: 'one', status: 'open' },
  });
});

test('an autonomous phase is opened once, and never again by approval', () => {
  const realm = phased();
  expect(approve(realm, 'two', 'ada')).toMatchObject({ events: [{ for: 'opening' }] });
  // It waits for the phase before it now, not for people.
  expect(approve(realm, 'two', 'bob')).toMatchObject({
    code: 'phase.not_waiting',
    facts: { status: 'closed' },
  });
});

test('a check is told of while its phase is open, and only where the phase has it', () => {
  const realm = phased();
  const check = (phase: string, name: string) =>
    realm.run('phases.check', { planId: 'p', phase, result: { name, ok: true } });
  expect(check('one', 'lint')).toEqual({
    kind: 'reject',
    code: 'phase.not_waiting',
    detail: 'Phase one has no check "lint".',
    facts: { planId: 'p', phase: 'one', check: 'lint' },
  });
  approve(realm, 'one', 'ada');
  approve(realm, 'one', 'bob');
  realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('tasks.complete', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
  expect(check('one', 'tests')).toMatchObject({
    events: [
      { name: 'tests', ok: true, phase: 'one', type: 'phase.checked' },
      { phase: 'one', type: 'phase.passed' },
    ],
  });
  expect(check('one', 'tests')).toEqual({
    kind: 'reject',
    code: 'phase.not_waiting',
    detail: 'Phase one is passed.',
    facts: { planId: 'p', phase: 'one', check: 'tests' },
  });
});

test('a phase that waits for the one before it takes no approval: neither of its opening nor of its gate', () => {
  const realm = openedRealm();
  const phases = [{ id: 'one' }, { id: 'two', gate: { approvals: 1 } }];
  const tasks = [
    { key: 'a', title: 'A', phase: 'one' },
    { key: 'b', title: 'B', phase: 'two' },
  ];
  realm.run('plans.submit', { plan: { id: 'p', phases, tasks } });
  expect(approve(realm, 'two', 'ada')).toMatchObject({
    code: 'phase.not_waiting',
    facts: { status: 'closed' },
  });
});
