import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlan } from '../read-plan.ts';
import { planToDot } from '../writers/dot.ts';
import { planToMermaid } from '../writers/mermaid.ts';
import { buildGraph, cyclesOf, heaviestChain, wavesOf } from './graph.ts';
import { printable, printableJson, shortened } from './printable.ts';
import { renderIssues, renderReport } from './render-report.ts';

const graphs = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 25 }).map((pairs) => ({
  tasks: Array.from({ length: 10 }, (_, index) => ({ id: `${index}`, phase: undefined })),
  edges: pairs.map(([from, to]) => ({ from: `${from}`, to: `${to}` })),
  phases: [],
}));

test('every named cycle is one, and a graph without any is drained by its waves', () => {
  // Property by random graphs of ten tasks: each step of a cycle is an edge; no cycle means every task gets a wave.
  fc.assert(
    fc.property(graphs, (parts) => {
      const graph = buildGraph(parts);
      const cycles = cyclesOf(graph);
      for (const cycle of cycles) {
        expect(cycle.at(-1)).toBe(cycle[0]);
        for (const [index, name] of cycle.slice(1).entries()) {
          expect(parts.edges).toContainEqual({ from: name, to: cycle[index] });
        }
      }
      const drained = wavesOf(graph).reduce((sum, size) => sum + size, 0);
      expect(drained === 10).toBe(cycles.length === 0);
      if (cycles.length === 0)
        expect(wavesOf(graph)).toHaveLength(heaviestChain(graph, () => 1).length);
    }),
  );
});

test('the waves are those of a simulation that finishes all ready tasks together', () => {
  fc.assert(
    fc.property(graphs, (parts) => {
      const edges = parts.edges.filter(({ from, to }) => Number(from) > Number(to));
      const waves = wavesOf(buildGraph({ ...parts, edges }));
      const done = new Set<string>();
      for (const size of waves) {
        const ready = parts.tasks.filter(
          ({ id }) => !done.has(id) && edges.every(({ from, to }) => from !== id || done.has(to)),
        );
        expect(ready).toHaveLength(size);
        for (const { id } of ready) done.add(id);
      }
      expect(done.size).toBe(10);
    }),
  );
});

const HOSTILE = 'a\u001b[2J\u009b31m\u202Eevil\u200b\r\n"`<b>#[x]\\N{y}';
// Whatever a terminal obeys or hides, but for the line feeds that end our own lines.
const ACTS =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

test('text of unknown origin cannot act on a terminal', () => {
  expect(printable(HOSTILE)).toBe(
    'a\\u{1b}[2J\\u{9b}31m\\u{202e}evil\\u{200b}\\u{d}\\u{a}"`<b>#[x]\\N{y}',
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(ACTS);
      expect(printable(text)).not.toContain('\n');
    }),
  );
  expect(shortened('a😀bc', 3)).toBe('a😀…');
});

test('JSON on a terminal acts on it no more than text does, and means the same', () => {
  expect(printableJson('{"a":"\u009b31m\u202e\u{e0041}é😀"}')).toBe(
    String.raw`{"a":"\u009b31m\u202e\udb40\udc41é😀"}`,
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, text) => {
      const value = { [name]: [text] };
      for (const indent of [0, 2]) {
        const json = printableJson(JSON.stringify(value, undefined, indent));
        expect(json.replaceAll('\n', '')).not.toMatch(ACTS);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }
    }),
  );
});

const hostile = () => {
  const row = {
    id: HOSTILE,
    title: HOSTILE,
    status: HOSTILE,
    issue_type: HOSTILE,
    labels: [HOSTILE],
    dependencies: [HOSTILE, 'x'],
  };
  const result = readPlan({
    kind: 'text',
    name: HOSTILE,
    text: `${JSON.stringify(row)}\n${JSON.stringify({ id: 'b', title: HOSTILE, dependencies: [HOSTILE] })}\n{`,
  });
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  return result;
};

test('no rendering of a hostile plan holds a character that acts, and the plan keeps its bytes', () => {
  const { plan, report } = hostile();
  expect(plan.tasks[0]?.title).toBe(HOSTILE);
  for (const text of [renderReport(report, { width: 80 }), planToMermaid(plan), planToDot(plan)])
    expect(text).not.toMatch(ACTS);
  expect(
    renderIssues([{ path: HOSTILE, line: 1, what: HOSTILE, mend: HOSTILE }], { width: 80 }),
  ).not.toMatch(ACTS);
  expect(planToMermaid(plan)).not.toMatch(/<b>/);
  // Every quote that Graphviz sees inside a string has a backslash of its own before it.
  for (const line of planToDot(plan).split('\n'))
    expect(line.replaceAll(/\\["\\]/g, '').split('"').length % 2).toBe(1);
});

test('a drawing that leaves tasks out says how many, and keeps those that wait for each other', () => {
  const tasks = Array.from({ length: 10 }, (_, i) => ({
    key: `t${i}`,
    title: `T${i}`,
    ...(i === 9 ? { dependsOn: ['t8'] } : {}),
  }));
  const result = readPlan({ kind: 'text', name: 'p', text: JSON.stringify({ id: 'p', tasks }) });
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  const states = new Map([['t8', 'leased' as const]]);
  const mermaid = planToMermaid(result.plan, { tasksMax: 3, states });
  expect(mermaid).toContain('3 of 10 tasks are drawn, 7 are not.');
  expect(mermaid).toContain('"t8: T8"]:::leased');
  expect(mermaid).toContain('t1 --> t2');
  expect(planToDot(result.plan, { tasksMax: 3 })).toContain('"t8" -> "t9";');
});

test('lines keep to the width, and a narrow terminal still gets every fact', () => {
  const { report } = hostile();
  for (const width of [40, 72, 120]) {
    for (const line of renderReport(report, { width }).split('\n').slice(1))
      expect(line.length).toBeLessThanOrEqual(width);
  }
});
