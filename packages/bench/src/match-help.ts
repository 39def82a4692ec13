/** Decisions about blockers in a large world: who is named to help, and a raise that covers five needs from 64 who wait. */
import { helpCandidates, taskSpec } from '@infrafabric/core';
import { HELP_CANDIDATES_MAX } from '@infrafabric/protocol';

import { drawBy, type Draw, type MatchWorld } from './match-world.ts';
import { check, type Values } from './probe.ts';
import { timed, type Counts } from './timed.ts';

const NEEDS = 5;
/** Sessions with a ticket, of which the engine names those that could help. */
const WAITING = 1_000;
/** Distinct calls, asked in turn. */
const ASKED = 200;
const SEED = 13;

/** (e) Naming candidates, deciding the raise; the blocker is resolved and the lease given back after each. */
export function helpDecisions(field: MatchWorld, counts: Counts): Values {
  const draw = drawBy(SEED);
  const waits = new Set(draw.some(field.swarms, WAITING).map(({ sessionId }) => sessionId));
  const waiting = { has: (id: string) => waits.has(id), loose: waits };
  const named = timed('match.helpNamed', counts, {
    isPure: true,
    prepare: () => {
      const needs = needsFor(field, draw);
      return () => helpCandidates(field.world, needs, waiting);
    },
    undo: (ids) => check(ids.every(waiting.has), 'somebody is named who does not wait'),
  });
  return { ...named, ...raises(field, counts, draw) };
}

const needsFor = (field: MatchWorld, draw: Draw): readonly string[] =>
  draw.some([...new Set(field.needSets.flat())], NEEDS);

/** Needs, and sessions that have any of them, as the engine would name them: each is looked at for every need. */
function askedOf(field: MatchWorld, draw: Draw): Asked {
  const needs = needsFor(field, draw);
  const able = field.swarms.filter(({ capabilities }) =>
    needs.some((need) => capabilities.includes(need)),
  );
  const waiting = draw.some(able, HELP_CANDIDATES_MAX).map(({ sessionId }) => sessionId);
  check(waiting.length === HELP_CANDIDATES_MAX, 'too few could help');
  return { needs, waiting };
}

interface Asked {
  readonly needs: readonly string[];
  readonly waiting: readonly string[];
}

function raises(field: MatchWorld, counts: Counts, draw: Draw): Values {
  const [taskId = ''] = field.taskIds;
  const holder = field.open(field.swarms.length + 2, {
    capabilities: taskSpec(field.world, taskId)?.needs ?? [],
  });
  const asked = Array.from({ length: ASKED }, () => askedOf(field, draw));
  let helpers = 0;
  const values = timed('match.raise', counts, {
    isPure: true,
    prepare: (i) => {
      const [leased] = field.run({
        op: 'tasks.claim',
        args: { taskId, sessionId: holder },
        session: holder,
      });
      check(leased?.type === 'task.leased', 'the task was not leased');
      const fence = { epoch: 1, holder, n: leased.fence };
      const blockerId = `blk_${String(i).padStart(26, '0')}`;
      const args = { taskId, fence, kind: 'question', title: 'which way?', ...asked[i % ASKED] };
      const wish = { op: 'blockers.raise', args, ids: [blockerId], session: holder };
      return () => ({ wish, blockerId, leased, decision: field.decide(wish) });
    },
    undo: ({ wish, blockerId, leased, decision }) => {
      check(decision.kind === 'accept', `blockers.raise: ${JSON.stringify(decision)}`);
      helpers += decision.events.filter(({ type }) => type === 'task.leased').length;
      field.fold(wish, decision.events);
      field.run({ op: 'blockers.resolve', args: { blockerId, resolution: 'this way' } });
      field.release([leased]);
    },
  });
  check(field.world.governor.reservations.size === 0, 'help was not given back');
  check(helpers > counts.samples, `${helpers} helpers`);
  return { ...values, 'match.raise.helpers': helpers / (counts.samples + counts.warmUp) };
}
