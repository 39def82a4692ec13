import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RESOURCE_POLICY_DEFAULT, resourcesOf } from '@infrafabric/protocol';
import { checkPolicy } from './check-policy.ts';
import { mutatePolicy } from './mutate-policy.ts';
import { readPolicy } from './read-policy.ts';

const example = (name: string) => {
  const file = new URL(`../../../../examples/policies/${name}`, import.meta.url);
  const read = readPolicy(readFileSync(file, 'utf8'), name);
  if (read.kind === 'refused') throw new Error(JSON.stringify(read.issues, undefined, 1));
  return read;
};

test('default.yaml is the default, figure by figure', () => {
  const { policy } = example('default.yaml');
  expect(policy.resource).toEqual(RESOURCE_POLICY_DEFAULT);
  expect(resourcesOf(policy)).toEqual(RESOURCE_POLICY_DEFAULT);
  expect([policy.rules, policy.governs]).toEqual([[], []]);
});

test('strict.yaml holds its own tests', () => {
  const { policy, places } = example('strict.yaml');
  const report = checkPolicy(policy, { file: 'strict.yaml', places });
  expect(report.rules.filter(({ ok }) => !ok)).toEqual([]);
  expect(report).toMatchObject({ ok: true, closed: [] });
  expect(report.rules.length).toBeGreaterThanOrEqual(8);
  expect(report.tests.total).toBeGreaterThanOrEqual(40);
});

test('the tests of the examples notice at least 95 % of the mistakes in their rules', () => {
  const reports = ['default.yaml', 'strict.yaml'].map((name) => {
    const { policy, places } = example(name);
    return mutatePolicy(policy, places);
  });
  const total = reports.reduce((sum, one) => sum + one.total, 0);
  const caught = reports.reduce((sum, one) => sum + one.caught, 0);
  expect(total).toBeGreaterThanOrEqual(150);
  expect(caught / total).toBeGreaterThanOrEqual(0.95);
  // Survivors are pinned, so that a new one is seen.
  expect(
    reports.flatMap(({ survivors }) => survivors.map(({ rule, what }) => `${rule}: ${what}`)),
  ).toEqual([]);
});
