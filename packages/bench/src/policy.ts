/**
 * What one decision of the policy costs, ms: a hundred rules, all on the action that is decided, none of which applies,
 * so that every condition is evaluated to its end. New facts at each decision: converting them is part of it.
 */
import { compilePolicy, judgeAction } from '@infrafabric/core';
import { celConditions } from '@infrafabric/fabric';
import { factsFrom, PolicySpec, type Facts } from '@infrafabric/protocol';

import { check, sized, type OpenProbe, type Values } from './probe.ts';
import { latencies, mulberry32 } from './stats.ts';

const RULES = 100;
const COUNT = { smoke: 2_000, short: 20_000, full: 100_000 };
/** Decisions before the first that counts: the compiler of the engine has seen each condition by then. */
const WARM_UP = 2_000;
const SEED = 7;

/** The forms of conditions that people write, in equal parts. The number makes each rule another one. */
const FORMS: readonly ((n: number) => string)[] = [
  (n) => `task.labels.exists(l, l == "label-${n}") && swarm.reputationPermille < ${n}`,
  (n) => `task.type == "type-${n}" && !swarm.registered`,
  (n) => `amountMicroUsd > ${n + 1} * 100000000 || matchPermille < ${n}`,
  (n) => `"domain:skill-${n}" in task.needs && session.role == "worker"`,
  (n) => `task.owns.exists(p, p.startsWith("area-${n}/")) && task.priority < 2`,
];

export const policyDecision: OpenProbe = ({ size }) =>
  Promise.resolve({
    round: () => Promise.resolve(measure(sized(size, COUNT))),
    close: () => Promise.resolve(),
  });

function measure(count: number): Values {
  const policy = compilePolicy(hundredRules(), celConditions());
  const all = drawnFacts(count + WARM_UP);
  const takenMs = new Float64Array(count);
  let permitted = 0;
  for (const [i, facts] of all.entries()) {
    const startedAt = performance.now();
    const verdict = judgeAction(policy, 'task.claim', facts);
    if (i >= WARM_UP) takenMs[i - WARM_UP] = performance.now() - startedAt;
    if (verdict.kind === 'permit') permitted += 1;
  }
  check(permitted === all.length, 'a rule applied, or had no answer');
  return latencies('policy.decide', takenMs);
}

function hundredRules(): PolicySpec {
  const rules = Array.from({ length: RULES }, (_, i) => ({
    id: `rule-${i}`,
    effect: 'forbid',
    on: ['task.claim'],
    when: FORMS[i % FORMS.length]?.(i),
    reason: 'measured',
    tests: [
      { given: {}, expect: 'forbids' },
      { given: {}, expect: 'none' },
    ],
  }));
  return PolicySpec.parse({ format: 'ifab-policy/1', resource: {}, rules });
}

/** Tasks with three labels, three needs and four paths: as the plans of people have them. */
function drawnFacts(count: number): readonly Facts[] {
  const random = mulberry32(SEED);
  const among = (max: number): number => Math.floor(random() * max);
  const some = (length: number, text: (n: number) => string): string[] =>
    Array.from({ length }, () => text(among(1_000)));
  return Array.from({ length: count }, (_, i) =>
    factsFrom({
      action: 'task.claim',
      principal: `agent-${i}`,
      amountMicroUsd: among(1_000_000),
      matchPermille: 700 + among(300),
      session: { id: `ses_${i}`, role: 'worker', capabilities: some(5, (n) => `other:skill-${n}`) },
      swarm: { id: `swarm-${among(50)}`, registered: true, reputationPermille: 500 + among(500) },
      task: {
        id: `plan/task-${i}`,
        type: `kind-${among(9)}`,
        priority: among(5),
        labels: some(3, (n) => `other-${n}`),
        needs: some(3, (n) => `other:skill-${n}`),
        owns: some(4, (n) => `src/part-${n}/**`),
        estimateMicroUsd: among(1_000_000),
      },
    }),
  );
}
