import { expect, test } from 'vitest';
import { BUILT_IN_CAPABILITIES, isBuiltInCapability } from './capabilities.ts';
import { CapabilityId } from './ids.ts';

/** The sixteen that the first swarms were described with. */
const FIRST = [
  'code-analysis:rust',
  'code-analysis:python',
  'code-analysis:javascript',
  'code-analysis:go',
  'integration:sip',
  'integration:ndi',
  'integration:webrtc',
  'integration:h323',
  'infra:distributed-systems',
  'infra:networking',
  'cli:design',
  'cli:testing',
  'architecture:patterns',
  'architecture:security',
  'docs:technical-writing',
  'docs:api-design',
];

test('every built-in capability is an id of the form domain:skill, once, in order', () => {
  const ids = BUILT_IN_CAPABILITIES.map(({ id }) => id);
  expect(ids.length).toBeGreaterThanOrEqual(45);
  expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => (a < b ? -1 : 1)));
  for (const id of ids) {
    expect(CapabilityId.safeParse(id).success, id).toBe(true);
    expect(id.split(':'), id).toHaveLength(2);
  }
});

test('every description is one sentence of its own', () => {
  const descriptions = BUILT_IN_CAPABILITIES.map(({ description }) => description);
  expect(new Set(descriptions).size).toBe(descriptions.length);
  for (const description of descriptions) expect(description).toMatch(/^[A-Z][^\n]{10,98}\.$/);
});

test('the first sixteen are built in, and an id that looks like one is not', () => {
  expect(FIRST.filter((id) => !isBuiltInCapability(id))).toEqual([]);
  expect(isBuiltInCapability('integration:sipp')).toBe(false);
  expect(isBuiltInCapability('constructor')).toBe(false);
});
