/** The numbers that stand beside the shared plans, as literals: an importer is right when it finds exactly these. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPlanSource } from './files.ts';
import { readPlan } from './read-plan.ts';
import type { ReadPlanOptions } from './read-plan.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const PLANS = resolve(ROOT, '../shared/data/plans');
const present = existsSync(PLANS);
if (!present) {
  if (process.env['CI'] !== undefined)
    throw new Error(`${PLANS} is missing: the golden numbers cannot be checked`);
  process.stderr.write(`not run: the real plans are missing (${PLANS})\n`);
}

const read = async (name: string, options?: ReadPlanOptions) => {
  const result = readPlan(await loadPlanSource(resolve(PLANS, name)), options);
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  return result;
};
const edgesIn = (plan: {
  readonly tasks: readonly { readonly dependsOn?: readonly string[] | undefined }[];
}): number => plan.tasks.reduce((sum, { dependsOn = [] }) => sum + dependsOn.length, 0);

// The real plans lie beside a checkout of the project, not in it; where they are missing this was said above.
describe.skipIf(!present)('the real plans', () => {
  test('beads-2026-02 gives its golden numbers', async () => {
    const { plan, report } = await read('beads-2026-02.issues.jsonl');
    expect(report).toMatchObject({
      format: 'beads-jsonl',
      tasks: 704,
      fillers: 0,
      byStatus: { closed: 403, open: 291, hooked: 4, in_progress: 3, pinned: 3 },
      byType: {
        task: 474,
        epic: 167,
        bug: 34,
        feature: 14,
        agent: 9,
        chore: 3,
        convoy: 2,
        message: 1,
      },
      byPriority: { 0: 1, 1: 58, 2: 619, 3: 21, 4: 5 },
      edges: {
        total: 745,
        byType: { blocks: 377, 'parent-child': 359, 'discovered-from': 7, tracks: 2 },
        fromProse: 0,
      },
      dangling: {
        total: 30,
        byType: { blocks: 21, 'parent-child': 5, 'discovered-from': 2, tracks: 2 },
      },
      usableBlocks: 356,
      duplicates: { ids: [], edges: 0 },
      selfEdges: 0,
      cycles: [],
      longestChain: { tasks: 11 },
      unfinishedChain: { tasks: 11 },
      mostDependants: { id: 'bd-tggf', count: 10 },
      mostDependencies: { id: 'bd-bvec', count: 7 },
      ready: { count: 56, strict: 56, inherited: 56, beadsRule: 13, leafWork: 12, afterSubmit: 63 },
      waves: [355, 72, 36, 34, 34, 34, 34, 34, 34, 34, 3],
      assigned: { rows: 225, inFlight: 7 },
      ephemeral: 552,
      parents: { nesting: 2, perTaskMax: 1, fieldAgrees: 358, fieldDiffers: 0 },
      labels: { uses: 108, different: 30 },
      longestDescription: { chars: 7_527 },
      skipped: [],
      events: undefined,
    });
    expect(report.dangling.ids).toHaveLength(29);
    expect(report.dangling.ids.filter((id) => id.startsWith('external:'))).toHaveLength(2);
    expect(report.created?.from.slice(0, 10)).toBe('2025-10-28');
    expect(report.created?.to.slice(0, 10)).toBe('2026-02-28');
    expect(edgesIn(plan)).toBe(356);
    expect(plan.id).toBe('beads-2026-02');
    expect(plan.tasks.filter(({ imported }) => imported?.done)).toHaveLength(403);
    expect(plan.tasks.filter(({ labels }) => labels?.includes('ephemeral'))).toHaveLength(552);
    for (const part of [
      'in 338 of 704',
      'in 394',
      'count 2 comments',
      'bd 696',
      '681 of 745',
      'deacon and deacon/',
      'offlinebrew-3d0.1',
    ]) {
      expect(report.warnings.join('\n')).toContain(part);
    }
  });

  test('gastown-backup gives its golden numbers', async () => {
    const { plan, report } = await read('gastown-backup');
    expect(report).toMatchObject({
      format: 'gastown-backup',
      tasks: 677,
      byStatus: { closed: 643, open: 32, hooked: 1, pinned: 1 },
      byType: { task: 427, bug: 136, feature: 55, agent: 27, epic: 24, chore: 7, convoy: 1 },
      byPriority: { 0: 17, 1: 121, 2: 407, 3: 116, 4: 16 },
      edges: {
        total: 315,
        byType: { blocks: 259, 'parent-child': 54, 'discovered-from': 1, related: 1 },
      },
      dangling: { total: 233, byType: { blocks: 204, 'parent-child': 29 } },
      usableBlocks: 55,
      duplicates: { ids: [], edges: 0 },
      selfEdges: 0,
      cycles: [],
      longestChain: { tasks: 4 },
      unfinishedChain: { tasks: 1 },
      mostDependants: { id: 'gt-yd38', count: 5 },
      mostDependencies: { id: 'gt-lpop', count: 6 },
      ready: { count: 32, strict: 32, inherited: 32, beadsRule: 5, leafWork: 5, afterSubmit: 34 },
      waves: [636, 25, 15, 1],
      assigned: { rows: 216, inFlight: 1 },
      ephemeral: 18,
      parents: { nesting: 2, perTaskMax: 1 },
      labels: { uses: 169, rows: 115, different: 55, orphans: 0 },
      longestDescription: { chars: 6_568 },
    });
    expect(report.dangling.ids).toHaveLength(206);
    expect(report.created?.from.slice(0, 10)).toBe('2025-12-16');
    expect(report.created?.to.slice(0, 10)).toBe('2026-03-05');
    expect(edgesIn(plan)).toBe(55);
    expect(plan.tasks.filter(({ imported }) => imported?.done)).toHaveLength(643);
    for (const part of ['170 of 315', '8 h behind'])
      expect(report.warnings.join('\n')).toContain(part);
  });

  test('the events of gastown-backup fold to the statuses of its rows', async () => {
    const { report } = await read('gastown-backup');
    expect(report.events).toEqual({
      rows: 3_667,
      ids: { first: 1, last: 4_125, missing: 458, gaps: 28, rising: true },
      byType: {
        status_changed: 1_266,
        updated: 936,
        closed: 788,
        created: 373,
        label_added: 195,
        label_removed: 92,
        reopened: 16,
        renamed: 1,
      },
      actors: 31,
      tasks: 674,
      unknownTasks: 0,
      tasksWithoutEvents: 3,
      claims: {
        count: 309,
        tasks: 209,
        sharedTasks: 48,
        workersMax: 4,
        sameHolderAgain: 1,
        holderReplaced: 0,
      },
      handBacks: 105,
      inFlightMax: 21,
      closes: { count: 788, onClosed: 123, onClosedTasks: 115, onClosedByAnother: 85 },
      fold: { tasks: 674, agree: 674 },
      oldStatus: { agree: 2_208, differ: 8 },
      claimToCloseMinutes: { spans: 215, p50: 6.1, p90: 19.9, p99: 220.8 },
      busiest: { minuteEvents: 124, secondEvents: 14 },
    });
  });

  test('phase-0-board gives its golden numbers and every contradiction of the board', async () => {
    const { plan, report } = await read('phase-0-board.md');
    expect(report).toMatchObject({
      format: 'markdown-board',
      tasks: 26 + 28,
      fillers: 28,
      byStatus: { AVAILABLE: 8, BLOCKED: 18 },
      byModel: { Haiku: 13, Sonnet: 13 },
      edges: { total: 49, fromProse: 49 - 22 },
      dangling: { total: 0 },
      usableBlocks: 49,
      duplicates: { ids: [], edges: 0 },
      selfEdges: 0,
      cycles: [],
      longestChain: { tasks: 6, ends: ['P0.5.3', 'P0.5.5'] },
      criticalPath: {
        minutes: 13 * 60,
        path: ['P0.3.1', 'P0.3.2', 'P0.3.4', 'P0.3.5', 'P0.3.6', 'P0.5.5'],
      },
      ready: { count: 6, tasks: ['P0.1.1', 'P0.2.1', 'P0.2.3', 'P0.3.1', 'P0.4.1', 'P0.4.3'] },
      waves: [6, 7, 4, 3, 4, 2],
      assigned: { rows: 0, inFlight: 0 },
      created: { from: '2025-11-12T00:00:00Z' },
      estimates: { minutes: 45 * 60, fillerMinutes: 31 * 60 },
      acceptanceCriteria: { total: 153, ticked: 0, tasksByCount: { 5: 3, 6: 23 } },
    });
    const five = plan.tasks
      .filter(({ acceptance }) => acceptance?.length === 5)
      .map(({ key }) => key);
    expect(five).toEqual(['P0.4.3', 'P0.4.4', 'P0.5.4']);
    expect(
      plan.tasks
        .filter(({ filler }) => filler === true)
        .every(({ dependsOn }) => dependsOn === undefined),
    ).toBe(true);
    for (const part of [
      'says 46 tasks, 20 of them filler; the tables hold 54 and 28',
      'says 5 active sessions and lists 6',
      'P0.1.2 (waits for P0.1.1), P0.1.3 (waits for P0.1.1)',
      'promises 6-8 hours of wall clock; its own critical path needs 13 h',
      'paths of another machine',
    ]) {
      expect(report.warnings.join('\n')).toContain(part);
    }
  });

  test('an import is the same bytes every time, and reopening opens every task and nothing else', async () => {
    for (const name of ['beads-2026-02.issues.jsonl', 'gastown-backup', 'phase-0-board.md']) {
      const [first, second, reopened] = [
        await read(name),
        await read(name),
        await read(name, { reopen: true }),
      ];
      expect(JSON.stringify(second)).toBe(JSON.stringify(first));
      expect(reopened.plan.tasks.some(({ imported }) => imported?.done === true)).toBe(false);
      expect(reopened.plan.tasks.map((task) => ({ ...task, imported: undefined }))).toEqual(
        first.plan.tasks.map((task) => ({ ...task, imported: undefined })),
      );
      const [wave] = first.report.waves;
      expect(reopened.report.ready.afterSubmit).toBe((wave ?? 0) + first.report.fillers);
    }
  });

  test('a plan survives the way out and in again', async () => {
    const { planToJson } = await import('./writers/plan-json.ts');
    for (const name of ['beads-2026-02.issues.jsonl', 'gastown-backup', 'phase-0-board.md']) {
      const { plan } = await read(name);
      const again = readPlan({ kind: 'text', name: 'x.json', text: planToJson(plan) });
      if (again.kind === 'refused') throw new Error(JSON.stringify(again.issues));
      expect(again.plan).toEqual(plan);
    }
  });
});
