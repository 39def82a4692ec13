import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlan } from './read-plan.ts';
import type { ReadPlanResult } from './read-plan.ts';
import { detectFormat, planIdFromName } from './source.ts';
import { planToJson } from './writers/plan-json.ts';

const read = (text: string, name = 'plan.yaml', options = {}): ReadPlanResult =>
  readPlan({ kind: 'text', name, text }, options);
const good = (result: ReadPlanResult) => {
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  return result;
};
const issues = (text: string) => {
  const result = read(text);
  if (result.kind === 'plan') throw new Error('the plan was accepted');
  return result.issues;
};
const jsonl = (...rows: readonly object[]): string =>
  rows.map((row) => JSON.stringify(row)).join('\n');

describe('formats', () => {
  test('a format is told from the bytes, whatever the name', () => {
    const of = (text: string) => detectFormat({ kind: 'text', name: 'x', text });
    expect(of('id: a\ntasks: []\n')).toBe('ifab-yaml');
    expect(of('{"id":"a","tasks":[]}')).toBe('ifab-json');
    expect(of('{\n  "id": "a"\n}')).toBe('ifab-json');
    expect(of('{"id":"bd-1","title":"t"}\n{"id":"bd-2","title":"t"}\n')).toBe('beads-jsonl');
    expect(of('[{"id":"bd-1"}]')).toBe('beads-jsonl');
    expect(of('# Board\n\n| ID | Task |\n|--|--|\n')).toBe('markdown-board');
    expect(of('  \n')).toBeUndefined();
    const files = new Map([['issues.jsonl', '']]);
    expect(detectFormat({ kind: 'folder', name: 'x', files })).toBe('beads-jsonl');
    files.set('dependencies.jsonl', '');
    expect(detectFormat({ kind: 'folder', name: 'x', files })).toBe('gastown-backup');
  });

  test('a name becomes a plan id that is always the same', () => {
    expect(planIdFromName('Beads 2026-02.issues.jsonl')).toBe('beads-2026-02');
    expect(planIdFromName('_Über.md')).toBe('ber');
    expect(planIdFromName('…')).toBe('imported');
  });

  test('whatever the bytes, reading answers and never throws', () => {
    // Property by random text around the tokens that the formats live on.
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      '|',
      ':',
      '-',
      '\n',
      '&a',
      '*a',
      '<<',
      '"',
      '#',
      'id',
      '```',
      ' ',
      '!!set',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(token, fc.string()), { maxLength: 30 }), (parts) => {
        expect(['plan', 'refused']).toContain(read(parts.join('')).kind);
      }),
      { numRuns: 300 },
    );
  });
});

describe('plans of our own', () => {
  test('YAML with merge keys and JSON give the same plan', () => {
    const yaml =
      'id: p\ntasks:\n  - { key: a, title: A, <<: &m { model: small } }\n  - { key: b, title: B, dependsOn: [p/a], <<: *m }\n';
    const fromYaml = good(read(yaml));
    expect(fromYaml.plan.tasks[1]).toEqual({
      key: 'b',
      title: 'B',
      dependsOn: ['p/a'],
      model: 'small',
    });
    expect(fromYaml.report).toMatchObject({
      usableBlocks: 1,
      longestChain: { path: ['a', 'b'] },
      waves: [1, 1],
    });
    expect(good(read(planToJson(fromYaml.plan))).plan).toEqual({
      format: 'ifab-plan/1',
      ...fromYaml.plan,
    });
  });

  test('a dependency on another plan is kept, and counts as unfinished', () => {
    const { plan, report } = good(
      read('id: p\ntasks: [{ key: a, title: A, dependsOn: [other/x] }]'),
    );
    expect(plan.tasks[0]?.dependsOn).toEqual(['other/x']);
    expect(report).toMatchObject({
      dangling: { total: 0 },
      ready: { count: 1, strict: 0, afterSubmit: 0 },
    });
  });

  test('phases order the waves, and an autonomous one is not open', () => {
    const yaml = `id: p
phases: [{ id: one }, { id: two }, { id: three, after: [], autonomous: true }]
tasks:
  - { key: a, title: A, phase: one }
  - { key: b, title: B, phase: two }
  - { key: c, title: C, phase: three }
  - { key: f, title: F, filler: true }
`;
    const { report } = good(read(yaml));
    expect(report).toMatchObject({
      waves: [2, 1],
      longestChain: { tasks: 2, path: ['a', 'b'] },
      fillers: 1,
    });
    expect(report.ready).toMatchObject({ tasks: ['a'], afterSubmit: 2 });
  });

  test('an issue names line, field, trouble and mend', () => {
    expect(issues('id: p\ntasks:\n  - key: a\n    title: A\n    dependson: [b]\n')).toEqual([
      {
        path: 'tasks[0].dependson',
        line: 5,
        what: '“dependson” is no field here',
        mend: expect.stringContaining('did you mean “dependsOn”?') as string,
      },
    ]);
  });

  test('an unknown dependency, phase or parent is named with the nearest that exists', () => {
    const found = issues(`id: p
phases: [{ id: build }]
tasks:
  - { key: compile, title: A, phase: biuld }
  - { key: b, title: B, dependsOn: [complie], parent: nobody }
`);
    expect(found.map(({ path, line, mend }) => [path, line, mend.split('?')[0]])).toEqual([
      ['tasks[0].phase', 4, 'did you mean “build”'],
      ['tasks[1].dependsOn[0]', 5, 'did you mean “compile”'],
      ['tasks[1].parent', 5, 'write a key of this plan, or leave it out'],
    ]);
  });

  test('a cycle is named in the order in which its tasks wait', () => {
    const [cycle] = issues(`id: p
tasks:
  - { key: a, title: A, dependsOn: [c] }
  - { key: b, title: B, dependsOn: [a] }
  - { key: c, title: C, dependsOn: [b] }
  - { key: d, title: D, dependsOn: [c] }
`);
    expect(cycle).toMatchObject({
      path: 'tasks[0].dependsOn',
      line: 3,
      what: 'these wait for each other: a → b → c → a',
    });
  });

  test('a task that waits for a task of a later phase is a cycle through the phase', () => {
    const [cycle] = issues(`id: p
phases: [{ id: one }, { id: two }]
tasks:
  - { key: a, title: A, phase: one, dependsOn: [b] }
  - { key: b, title: B, phase: two }
`);
    expect(cycle?.what).toBe('these wait for each other: a → phase one → b → a');
  });

  test('a phase does not wait for its fillers', () => {
    const { report } = good(
      read(`id: p
phases: [{ id: one }, { id: two }]
tasks:
  - { key: f, title: F, phase: one, filler: true, dependsOn: [b] }
  - { key: b, title: B, phase: two }
`),
    );
    expect(report.ready).toMatchObject({ tasks: ['b'], afterSubmit: 1 });
  });

  test('a task that waits for itself, and a key used twice, are refused', () => {
    expect(issues('id: p\ntasks: [{ key: a, title: A, dependsOn: [a] }]')[0]?.what).toContain(
      'a → a',
    );
    expect(issues('id: p\ntasks: [{ key: a, title: A }, { key: a, title: B }]')[0]).toMatchObject({
      path: 'tasks[1].key',
      mend: 'rename it; tasks[0].key has it already',
    });
  });

  test('YAML that wants to be large, deep or two documents is refused', () => {
    const laughs = [
      'a0: &a0 [x, x]',
      ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
    ];
    expect(issues(laughs.join('\n'))[0]?.mend).toContain('mend the aliases');
    expect(issues(`id: ${'['.repeat(50_000)}`)[0]?.what).toContain('nests deeper');
    expect(issues(`{"tasks":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)[0]?.what).toContain(
      'nests deeper',
    );
    expect(issues('id: p\n---\nid: q\n')[0]).toMatchObject({
      line: 2,
      what: 'it holds 2 YAML documents',
    });
    expect(issues('<<: 1\nid: p\n')[0]?.mend).toContain('mend the aliases');
    expect(issues('? [a, b]\n: c\n')).toHaveLength(1);
    expect(issues('id: *nobody\n')[0]?.what).toContain('nobody');
    expect(issues('id: p\nid: q\n')[0]).toMatchObject({ line: 2 });
  });

  test('a source without a single task is refused, with the reason', () => {
    expect(issues('{"phases": []}')[0]).toMatchObject({ path: 'id', what: 'it is missing' });
    expect(issues('{"id":7}')[0]?.what).toContain(
      '1 rows were skipped, the first because it has no id',
    );
    expect(issues('# Notes\n\n| ID | Name |\n|----|------|\n')[0]?.what).toContain('no row');
  });

  test('half of a surrogate pair cannot be logged, so it is refused', () => {
    expect(issues('{"id":"p","tasks":[{"key":"a","title":"\\ud800"}]}')[0]).toMatchObject({
      path: 'tasks[0].title',
      line: 1,
    });
  });
});

describe('Beads', () => {
  test('every shape that an edge has had is read', () => {
    const rows = jsonl(
      { id: 'x-1', title: 't', status: 'closed' },
      {
        id: 'x-2',
        title: 't',
        status: 'open',
        dependencies: [{ issue_id: 'x-2', depends_on_id: 'x-1', type: 'blocks' }],
      },
      { id: 'x-3', title: 't', status: 'open', dependencies: [{ depends_on_id: 'x-1' }] },
      {
        id: 'x-4',
        title: 't',
        status: 'open',
        dependencies: [{ id: 'x-1', title: 't', dependency_type: 'blocks' }],
      },
      {
        id: 'x-5',
        title: 't',
        status: 'open',
        deps: ['x-1', 'parent-child:x-2', 'external:town:y-1'],
      },
      { id: 'x-6', title: 't', status: 'open', depends_on: ['x-5'], parent: 'x-2' },
    );
    const { plan, report } = good(read(rows));
    expect(plan.tasks.map(({ dependsOn = [] }) => dependsOn)).toEqual([
      [],
      ['x-1'],
      ['x-1'],
      ['x-1'],
      ['x-1'],
      ['x-5'],
    ]);
    expect(plan.tasks[4]?.parent).toBe('x-2');
    expect(report.dangling).toEqual({
      total: 1,
      byType: { blocks: 1 },
      ids: ['external:town:y-1'],
    });
  });

  test('tombstones, second rows, rows without id and lines that are no JSON are skipped, each with its reason', () => {
    const rows = [
      jsonl(
        { id: 'x-1', title: 'one' },
        { id: 'x-1', title: 'two' },
        { id: 'x-2', title: 't', status: 'tombstone' },
        { title: 'no id' },
      ),
      '{"id": "x-3", broken',
      jsonl({
        id: 'x-4',
        title: 't',
        dependencies: [{ depends_on_id: 'x-2', type: 'blocks' }, { depends_on_id: 'x-4' }],
      }),
    ].join('\n');
    const { plan, report } = good(read(rows));
    expect(plan.tasks.map(({ title }) => title)).toEqual(['one', 't']);
    expect(report.skipped.map(({ row, why }) => [row, why.slice(0, 16)])).toEqual([
      [5, 'it is not a JSON'],
      [2, 'its id was used '],
      [3, 'it is a tombston'],
      [4, 'it has no id'],
    ]);
    expect(report).toMatchObject({
      duplicates: { ids: ['x-1'] },
      dangling: { total: 1 },
      selfEdges: 1,
      usableBlocks: 0,
    });
  });

  test('ids that are no task keys are rewritten, the same in every file, and edges follow', () => {
    const { plan, report } = good(
      read(jsonl({ id: '/odd id', title: 't' }, { id: 'x-2', title: 't', deps: ['/odd id'] })),
    );
    const alone = good(read(jsonl({ id: '/odd id', title: 't' }, { id: 'z-9', title: 't' })));
    expect(plan.tasks[0]?.key).toMatch(/^odd_id-[0-9a-f]{8}$/);
    expect(alone.plan.tasks[0]?.key).toBe(plan.tasks[0]?.key);
    expect(plan.tasks[1]?.dependsOn).toEqual([plan.tasks[0]?.key]);
    expect(report.warnings.join()).toContain('1 ids are no task keys');
  });

  test('nothing is cut without a word: titles, descriptions, criteria, labels, priorities', () => {
    const title = `${'t'.repeat(499)}😀`;
    const { plan, report } = good(
      read(
        jsonl(
          {
            id: 'x-1',
            title,
            description: 'd'.repeat(25_000),
            labels: ['l'.repeat(101), 'ok'],
            priority: 9,
          },
          { id: 'x-2', title: '\ud800' },
        ),
      ),
    );
    const [task] = plan.tasks;
    expect(task?.title).toBe('t'.repeat(499));
    expect(task?.description?.startsWith(title)).toBe(true);
    expect(task?.labels).toEqual(['ok']);
    expect(task?.priority).toBeUndefined();
    for (const part of [
      'The title of x-1 has 501',
      'The description of x-1 has 25503',
      '1 labels',
      'priority 9',
      'half a surrogate pair',
    ]) {
      expect(report.warnings.join('\n')).toContain(part);
    }
  });

  test('a cycle in an import is refused by name, with the report', () => {
    const result = read(
      jsonl({ id: 'x-1', title: 't', deps: ['x-2'] }, { id: 'x-2', title: 't', deps: ['x-1'] }),
    );
    expect(result).toMatchObject({ kind: 'refused', report: { cycles: [['x-1', 'x-2', 'x-1']] } });
  });

  test('a closed task with an unfinished dependency is told', () => {
    const { report } = good(
      read(
        jsonl(
          { id: 'x-1', title: 't', status: 'closed', deps: ['x-2'] },
          { id: 'x-2', title: 't' },
        ),
      ),
    );
    expect(report.warnings.join()).toContain(
      '1 closed tasks have an unfinished dependency: x-1 (waits for x-2)',
    );
  });

  test('a worker in the source is a label, a flag is a label, and notes follow the description', () => {
    const { plan } = good(
      read(
        jsonl(
          { id: 'x-1', title: 't', description: 'd', notes: 'n', assignee: 'ada', ephemeral: 1 },
          { id: 'x-2', title: 't' },
        ),
      ),
    );
    expect(plan.tasks[0]).toMatchObject({
      labels: ['ephemeral', 'assignee:ada'],
      description: 'd\n\n## notes\n\nn',
    });
    expect(plan.tasks[0]?.assignee).toBeUndefined();
  });
});

describe('boards', () => {
  const board = `# A board
**Total Tasks:** 9

## IF.one Tasks

| ID | Task | Status | Dependencies | Est | Owner |
|----|------|--------|--------------|-----|-------|
| A.1 | First \\| best | 🟢 COMPLETED | None | 30m | ada |
| A.2 | Run \`a | b\` | 🔴 | A.1 | 1.5h | - |
| A.3 | Third | 🟡 CLAIMED | All above, when ready | 1h | bob |

### A.2: Run

\`\`\`
| ID | Task |
# no heading
\`\`\`

**Acceptance Criteria:**
- [x] ticked
- [ ] open

## Filler

| ID | Task | Description | Est |
|----|------|-------------|-----|
| F.1 | Tidy | Sweep | 1h |
`;

  test('cells, states, prose, ticks, fences and fillers are read as people mean them', () => {
    const { plan, report } = good(read(board, 'board.md'));
    expect(
      plan.tasks.map(({ key, title, dependsOn, filler }) => [key, title, dependsOn, filler]),
    ).toEqual([
      ['A.1', 'First | best', undefined, undefined],
      ['A.2', 'Run `a | b`', ['A.1'], undefined],
      ['A.3', 'Third', ['A.1', 'A.2'], undefined],
      ['F.1', 'Tidy', undefined, true],
    ]);
    expect(plan.tasks[1]).toMatchObject({ acceptance: ['ticked', 'open'], estimateMinutes: 90 });
    expect(plan.tasks[0]?.imported).toEqual({ status: 'COMPLETED', done: true });
    expect(report).toMatchObject({
      byStatus: { BLOCKED: 1, CLAIMED: 1, COMPLETED: 1 },
      acceptanceCriteria: { total: 2, ticked: 1 },
      edges: { total: 3, fromProse: 2 },
      ready: { tasks: ['A.2'] },
    });
    for (const part of [
      'head says 9 tasks',
      'BLOCKED though every dependency is done: A.2',
      '“when ready” was not understood',
    ]) {
      expect(report.warnings.join('\n')).toContain(part);
    }
  });
});
