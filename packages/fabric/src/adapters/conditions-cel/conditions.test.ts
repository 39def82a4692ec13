import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONDITION_CHARS_MAX, factsFrom, NO_FACTS } from '@infrafabric/protocol';
import type { Facts, GivenFacts } from '@infrafabric/protocol';
import { celConditions, checkCondition, ConditionError } from './conditions.ts';
import { typedFacts } from './environment.ts';
import { CONDITION_STEPS_MAX } from './read-condition.ts';

const CEL = celConditions();
const holds = (source: string, given: GivenFacts = {}): boolean =>
  CEL.compile(source)(factsFrom(given));

test.each<readonly [string, GivenFacts, boolean]>([
  ['task.priority > 1', { task: { priority: 2 } }, true],
  ['task.priority > 1', { task: { priority: 1 } }, false],
  ['"prod" in task.labels', { task: { labels: ['prod'] } }, true],
  ['"prod" in task.labels', {}, false],
  ['!swarm.registered', {}, true],
  [
    'swarm.registered && swarm.model == "haiku"',
    { swarm: { registered: true, model: 'haiku' } },
    true,
  ],
  ['task.owns.exists(p, p.startsWith("infra/"))', { task: { owns: ['src/a', 'infra/b'] } }, true],
  ['task.needs.all(n, n in session.capabilities)', { task: { needs: ['a'] } }, false],
  [
    'task.needs.all(n, n in session.capabilities)',
    { task: { needs: ['a'] }, session: { capabilities: ['b', 'a'] } },
    true,
  ],
  [
    'task.owns.filter(p, p.endsWith(".sql")).size() > 1',
    { task: { owns: ['a.sql', 'b.sql'] } },
    true,
  ],
  ['task.labels.exists_one(l, l.contains("x"))', { task: { labels: ['ax', 'x'] } }, false],
  ['size(task.labels) == 0 ? plan.tasks < 5 : task.isHelp', { plan: { tasks: 4 } }, true],
  ['amountMicroUsd * 2 - 1 >= limitMicroUsd / 2', { amountMicroUsd: 3, limitMicroUsd: 10 }, true],
  ['amountMicroUsd % 2 == 1 || -amountMicroUsd < -7', { amountMicroUsd: 8 }, true],
  ['task.labels[0] == "a"', { task: { labels: ['a'] } }, true],
  ['action in ["task.claim", "help.lease"]', { action: 'help.lease' }, true],
  [
    '(task.type + "-" + task.phase).startsWith("code-1")',
    { task: { type: 'code', phase: '1' } },
    true,
  ],
  [String.raw`principal == "a\"b\\c\n"`, { principal: 'a"b\\c\n' }, true],
  ['account == "ünï – 日本"', { account: 'ünï – 日本' }, true],
  ['matchPermille >= 700 && session.role != "runner"', { matchPermille: 700 }, true],
  [
    'swarm.availableMicroUsd == 9007199254740991',
    { swarm: { availableMicroUsd: Number.MAX_SAFE_INTEGER } },
    true,
  ],
])('%s', (source, given, answer) => {
  expect(holds(source, given)).toBe(answer);
  expect(checkCondition(source)).toBeUndefined();
});

test.each([
  ['task.priorty > 1', 'No such key: priorty', 'priorty'],
  ['tsk.priority > 1', 'there is no fact “tsk”', 'tsk'],
  ['task.priority > "a"', 'no such overload: int > string', 'task.priority > "a"'],
  ['task.priority', 'it answers with int, not with true or false', 'task.priority'],
  ['task == task', 'no such overload: Task == Task', 'task == task'],
  ['amountMicroUsd > 0.5', 'facts are integers: micro-dollars, per mille, milliseconds', '0.5'],
  ['task.priority > 1u', 'only integers, texts, true and false may be written', '1u'],
  ['null == null', 'only integers, texts, true and false may be written', 'null'],
  ['amountMicroUsd > 9007199254740992', 'no fact is as large as this', '9007199254740992'],
  ['task["priority"] > 1', 'an index is a number as it is written', 'task["priority"]'],
  [
    'task.labels[task.priority] == "a"',
    'an index is a number as it is written',
    'task.labels[task.priority]',
  ],
  ['{"a": true}.a', 'maps and optional fields are not part of conditions', undefined],
  ['type(task.priority) == int', undefined, 'type(task.priority)'],
  ['dyn(task).x', undefined, 'dyn(task)'],
  ['has(task.priority)', undefined, 'has(task.priority)'],
  ['timestamp("2026-01-01T00:00:00Z") < timestamp("2027-01-01T00:00:00Z")', undefined, undefined],
  ['duration("1s") < duration("2s")', undefined, undefined],
  ['now() > 1', undefined, 'now()'],
  ['task.id.matches("(a+)+$")', undefined, 'task.id.matches("(a+)+$")'],
  ['task.labels.map(l, l + l).size() > 0', undefined, undefined],
  ['cel.bind(x, task.id, x == x)', undefined, undefined],
  ['task.labels.exists(task, task == "a")', '“task” is a name already', undefined],
  [
    'task.labels.exists(task_id, task_id == "a")',
    '“task_id” is no name of a loop’s variable',
    undefined,
  ],
  [
    'task.labels.exists("a", true)',
    'exists(var, predicate) invalid predicate iteration variable',
    '"a"',
  ],
  ['task.labels.exists(l)', 'a loop is written as list.exists(name, condition)', undefined],
  ['task.labels.exists(l, l.id == "a")', "Cannot index type 'string'", undefined],
  [
    'task.labels.exists(a, task.needs.exists(b, task.owns.exists(c, a == b)))',
    'loops stand two deep at most',
    undefined,
  ],
  ['1 > 2 &&', 'Unexpected token: EOF', undefined],
  ['', undefined, undefined],
])('%s is refused, with its place', (source, what, where) => {
  const issue = checkCondition(source);
  expect(issue).toBeDefined();
  if (what !== undefined) expect(issue?.what).toBe(what);
  if (where !== undefined) expect(source.slice(issue?.at, issue?.end)).toBe(where);
  expect(() => CEL.compile(source)).toThrow(ConditionError);
});

test('a condition has a length, a depth, a width and a cost', () => {
  const long = `task.id == "${'x'.repeat(CONDITION_CHARS_MAX)}"`;
  expect(checkCondition(long)?.what).toMatch(/^it has \d+ characters; 2000 are allowed$/);
  expect(checkCondition(`${'!('.repeat(100)}true${')'.repeat(100)}`)?.what).toBe(
    'it has more than 64 levels, which is all that a condition may have',
  );
  const chain = Array.from({ length: 50 }, (_, i) => `task.priority == ${i}`).join(' || ');
  expect(checkCondition(chain)).toBeUndefined();
  const list = (count: number) =>
    `task.priority in [${Array.from({ length: count }, () => 1).join()}]`;
  expect(checkCondition(list(100))).toBeUndefined();
  expect(checkCondition(list(101))?.what).toMatch(/members of a list/);
  const pairs = 'task.needs.exists(n, session.capabilities.exists(c, n == c && n != "x"))';
  expect(checkCondition(pairs)?.what).toMatch(
    new RegExp(`it may take \\d+ steps where lists are long; ${CONDITION_STEPS_MAX} are allowed`),
  );
  expect(checkCondition('task.labels.exists(n, task.labels.exists(c, n == c))')).toBeUndefined();
  // A list of lists, of sums and of choices is as long as its parts may be.
  const twice = (range: string) => `${range}.all(n, task.labels.all(l, n != l))`;
  expect(checkCondition(twice('task.owns'))).toBeUndefined();
  expect(checkCondition(twice('(task.owns + task.owns)'))?.what).toMatch(/steps/);
  expect(
    checkCondition('[task.needs, task.labels].exists(l, l.exists(n, n == "a"))'),
  ).toBeUndefined();
});

test('the costliest condition that is taken is evaluated in milliseconds', () => {
  const needs = Array.from({ length: 200 }, (_, i) => `domain:skill-${i}`);
  const facts = factsFrom({ task: { needs }, session: { capabilities: needs } });
  const holdsAll = CEL.compile('task.needs.all(n, n in session.capabilities)');
  expect(holdsAll(facts)).toBe(true);
  const startedAt = performance.now();
  for (let i = 0; i < 10; i += 1) holdsAll({ ...facts });
  expect((performance.now() - startedAt) / 10).toBeLessThan(50);
});

test.each([
  ['task.priority / (task.attempt) == 1', {}],
  ['task.labels[0] == "a"', {}],
  ['task.priority % task.attempt == 1', {}],
  [
    'amountMicroUsd * amountMicroUsd * amountMicroUsd > 0',
    { amountMicroUsd: 9_007_199_254_740_991 },
  ],
])('%s has no answer for some facts, and says why', (source, given) => {
  const condition = CEL.compile(source);
  expect(() => condition(factsFrom(given))).toThrow(ConditionError);
  expect(() => condition(factsFrom(given))).not.toThrow(/\n|_/);
});

test('other facts are seen, though the last ones are kept', () => {
  const condition = CEL.compile('task.attempt == 1');
  const [one, two] = [factsFrom({ task: { attempt: 1 } }), factsFrom({ task: { attempt: 2 } })];
  expect([one, one, two, one, two].map(condition)).toEqual([true, true, false, true, false]);
});

/** Conditions of every form that is allowed, over a few facts, so that answers differ. */
const conditions = fc.letrec<{ bool: string; int: string; text: string; list: string }>((tie) => ({
  int: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('task.priority', 'amountMicroUsd', 'plan.tasks', 'swarm.spentMicroUsd'),
    fc.integer({ min: 0, max: 4 }).map(String),
    fc
      .tuple(tie('int'), fc.constantFrom('+', '-', '*', '/', '%'), tie('int'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('list').map((list) => `size(${list})`),
    tie('int').map((int) => `-(${int})`),
  ),
  text: fc.constantFrom(
    'task.type',
    'account',
    '"a"',
    '"b\\n\\"c\\""',
    'task.labels[0]',
    'session.agent',
  ),
  list: fc.oneof(
    { maxDepth: 1 },
    fc.constantFrom('task.labels', 'session.capabilities'),
    fc.array(tie('text'), { minLength: 1, maxLength: 3 }).map((texts) => `[${texts.join(', ')}]`),
    tie('text').map((text) => `task.labels.filter(f, f != ${text})`),
  ),
  bool: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('swarm.registered', 'task.isHelp', 'true'),
    fc
      .tuple(tie('int'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('int'))
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    fc
      .tuple(tie('text'), fc.constantFrom('==', '!=', '<'), tie('text'))
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('text'), tie('list')).map(([text, list]) => `${text} in ${list}`),
    fc
      .tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('bool').map((bool) => `!(${bool})`),
    fc.tuple(tie('bool'), tie('bool'), tie('bool')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc
      .tuple(fc.constantFrom('exists', 'all', 'exists_one'), tie('text'))
      .map(([loop, text]) => `task.labels.${loop}(v, v.startsWith(${text}) || v == ${text})`),
  ),
}));

const facts: fc.Arbitrary<Facts> = fc
  .record({
    priority: fc.integer({ min: 0, max: 4 }),
    amount: fc.integer({ min: 0, max: 3 }),
    labels: fc.array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 3 }),
    type: fc.constantFrom('a', 'b', ''),
    registered: fc.boolean(),
    isHelp: fc.boolean(),
  })
  .map(({ priority, amount, labels, type, registered, isHelp }) =>
    factsFrom({
      amountMicroUsd: amount,
      task: { priority, labels, type, isHelp },
      session: { capabilities: labels.slice(1) },
      swarm: { registered },
    }),
  );

// Property: the flat form that runs answers as the text would that people wrote, in the types it was checked with.
// Method: random conditions of every allowed form, run in both environments of the library, with random facts.
test('the form that runs means what was written', () => {
  const typed = typedFacts();
  const bigints = (value: unknown): unknown => {
    if (typeof value === 'number') return BigInt(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bigints(inner)]));
  };
  let answers = 0;
  fc.assert(
    fc.property(conditions.bool, facts, (source, given) => {
      fc.pre(checkCondition(source) === undefined);
      const attempt = (work: () => unknown): unknown => {
        try {
          return work();
        } catch {
          return 'error';
        }
      };
      const written = attempt(() => typed.parse(source)(bigints(given) as object) as unknown);
      expect(attempt(() => CEL.compile(source)(given))).toBe(written);
      if (typeof written === 'boolean') answers += 1;
    }),
    { numRuns: 400 },
  );
  expect(answers).toBeGreaterThan(100);
});

test('a condition that names every fact is one', () => {
  expect(holds('task.plan == "" && task.key == "" && task.repo == "" && plan.id == ""')).toBe(true);
  expect(CEL.compile('swarm.costPerHourMicroUsd <= swarm.reputationPermille')(NO_FACTS)).toBe(true);
});
