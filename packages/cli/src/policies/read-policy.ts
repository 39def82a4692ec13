/** A policy's file becomes a policy, or every reason why not with its line. */
import {
  GivenFacts,
  POLICY_ACTIONS,
  POLICY_FACTS,
  PolicyRule,
  PolicySpec,
  PublisherIsolation,
  RuleTest,
} from '@infrafabric/protocol';
import type { z } from 'zod';
import { didYouMean, ISSUES_MAX, pathText } from '../plans/issues.ts';
import { isObject } from '../plans/readers/json.ts';
import type { JsonObject } from '../plans/readers/json.ts';
import { convertFigure, FIGURES } from './figures.ts';
import { readPolicyText } from './policy-text.ts';
import type { FieldPath, PolicyText } from './policy-text.ts';

export interface PolicyIssue {
  readonly file: string;
  /** The field, as in `rules[3].when`; empty: the whole file. */
  readonly path: string;
  readonly line: number | undefined;
  readonly what: string;
  readonly mend: string;
}

export type ReadPolicy =
  | { readonly kind: 'policy'; readonly policy: PolicySpec; readonly places: Places }
  | { readonly kind: 'refused'; readonly issues: readonly PolicyIssue[] };

/** Where the parts of a policy stand in its file. */
export type Places = Pick<PolicyText, 'lineOf' | 'lineInText'>;

/** The fields of a file. `swarm_profiles` may stand beside the policy; profiles are read by `ifab swarm`. */
const FILE_FIELDS = ['resource_policy', 'isolation', 'governs', 'rules', 'swarm_profiles'];

export interface Finding {
  readonly at: FieldPath;
  readonly what: string;
  readonly mend: string;
}

/**
 * Reads the YAML that people write, or the JSON that is journaled (it names its `format`). Pure; never throws for what
 * the text holds.
 *
 * @example
 * const read = readPolicy(await readFile('policy.yaml', 'utf8'), 'policy.yaml');
 * if (read.kind === 'policy') await client.call('policies.set', { policy: read.policy });
 */
export const readPolicy = (text: string, file: string): ReadPolicy => {
  const read = readPolicyText(text);
  if (read.kind === 'refused') {
    const issues = read.problems.slice(0, ISSUES_MAX);
    return {
      kind: 'refused',
      issues: issues.map(({ line, what }) => ({ file, path: '', line, what, mend: MEND_FILE })),
    };
  }
  const { value, ...places } = read.text;
  const found = isObject(value)
    ? 'format' in value
      ? checked(value, (path) => path)
      : fromFile(value, places)
    : { findings: [{ at: [], what: 'it is no map of fields', mend: MEND_FILE }] };
  if ('policy' in found) return { kind: 'policy', policy: found.policy, places };
  const issues = found.findings.slice(0, ISSUES_MAX).map(({ at, what, mend }) => ({
    file,
    path: pathText(at),
    line: places.lineOf(at),
    what,
    mend,
  }));
  return { kind: 'refused', issues };
};

const MEND_FILE = `a policy has resource_policy, governs and rules; see docs/guides/policy.md`;

type Found = { readonly policy: PolicySpec } | { readonly findings: readonly Finding[] };

const fromFile = (value: JsonObject, { writtenAt }: Pick<PolicyText, 'writtenAt'>): Found => {
  const findings: Finding[] = [];
  for (const key of Object.keys(value)) {
    if (!FILE_FIELDS.includes(key)) findings.push(noField([key], key, FILE_FIELDS));
  }
  const resource = resourceFrom(value['resource_policy'], writtenAt, findings);
  const { isolation, governs = [], rules = [] } = value;
  const said = isolation === undefined ? {} : { isolation };
  const found = checked({ format: 'ifab-policy/1', resource, ...said, governs, rules }, inFile);
  if ('findings' in found) findings.push(...found.findings);
  return findings.length > 0 ? { findings } : found;
};

/** The figures in integers; what has none is left out and found. */
const resourceFrom = (
  block: unknown,
  writtenAt: PolicyText['writtenAt'],
  findings: Finding[],
): JsonObject => {
  if (block === undefined || block === null) return {};
  const at = 'resource_policy';
  if (!isObject(block)) {
    findings.push({ at: [at], what: 'it is no map of figures', mend: 'write name: value lines' });
    return {};
  }
  const resource: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(block)) {
    const figure = FIGURES.find((one) => one.name === name);
    if (figure === undefined) {
      findings.push(
        noField(
          [at, name],
          name,
          FIGURES.map((one) => one.name),
        ),
      );
      continue;
    }
    const isNumber = figure.kind !== 'word' && figure.kind !== 'duration';
    const written = typeof value === 'number' || !isNumber ? writtenAt([at, name]) : undefined;
    // What is no scalar, and a number in quotes, has no text of the right kind.
    const converted = convertFigure(figure.kind, written ?? '');
    if (converted.kind === 'value') resource[figure.field] = converted.value;
    else findings.push({ at: [at, name], what: converted.what, mend: converted.mend });
  }
  return resource;
};

/** `place` says where a field of the journaled form stands in the file. */
const checked = (value: JsonObject, place: (path: FieldPath) => FieldPath): Found => {
  const parsed = PolicySpec.safeParse(value);
  if (parsed.success) return { policy: parsed.data };
  return { findings: parsed.error.issues.flatMap((issue) => explain(issue, place(issue.path))) };
};

const noField = (at: FieldPath, key: string, fields: readonly string[]): Finding => ({
  at,
  what: `“${key}” is no field here`,
  mend: `${didYouMean(key, fields)}fields here: ${fields.join(', ')}`,
});

/** The schema's complaint about the field at `at`, in words of the file. */
export const explain = (issue: z.core.$ZodIssue, at: FieldPath): readonly Finding[] => {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => noField([...at, key], key, fieldsAt(issue.path)));
    case 'invalid_type':
      return [
        issue.message.includes('undefined')
          ? { at, what: 'it is missing', mend: `add it: ${issue.expected}` }
          : { at, what: `it is not of the right type`, mend: `write it as ${issue.expected}` },
      ];
    case 'too_big':
      return [{ at, what: 'it is larger than it may be', mend: `at most ${issue.maximum}` }];
    case 'too_small':
      return [{ at, what: 'it is smaller than it may be', mend: `at least ${issue.minimum}` }];
    case 'invalid_value':
      return [
        {
          at,
          what: 'it is none of the allowed values',
          mend: `one of: ${issue.values.join(', ')}`,
        },
      ];
    case 'custom':
      return [{ at, what: issue.message, mend: mendOfCustom(issue.path) }];
    case 'invalid_format':
      return [{ at, what: `it ${issue.message}`, mend: mendOfFormat(issue.path) }];
    case 'invalid_union':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return [{ at, what: issue.message, mend: 'see docs/reference/policy.schema.json' }];
  }
};

const mendOfFormat = (path: FieldPath): string =>
  path.at(-1) === 'provider'
    ? 'write it as the contract does: session-4-sip'
    : 'use small letters, digits and dashes';

const mendOfCustom = (path: FieldPath): string => {
  switch (path.at(-1)) {
    case 'tests':
      return 'add a test: {given: {…facts…}, expect: permits, forbids or none}';
    case 'id':
      return 'give each rule an id of its own';
    case 'rules':
      return 'drop tests that show nothing new';
    default:
      return 'name it once';
  }
};

/** A figure's field under the name that it has in a file. */
const inFile = ([first, second, ...rest]: FieldPath): FieldPath => {
  if (first !== 'resource') return [first, second, ...rest].filter((part) => part !== undefined);
  const name = FIGURES.find(({ field }) => field === second)?.name ?? second;
  return ['resource_policy', ...(name === undefined ? [] : [name])];
};

const fieldsAt = (path: FieldPath): readonly string[] => {
  const last = path.findLast((part) => typeof part === 'string');
  switch (last) {
    case 'rules':
      return Object.keys(PolicyRule.shape);
    case 'tests':
      return Object.keys(RuleTest.shape);
    case 'given':
      return Object.keys(GivenFacts.shape);
    case 'isolation':
      return Object.keys(PublisherIsolation.shape);
    case 'on':
    case 'governs':
      return POLICY_ACTIONS;
    default: {
      const group = Object.entries(POLICY_FACTS).find(([name]) => name === last)?.[1];
      return typeof group === 'object' ? Object.keys(group) : FILE_FIELDS;
    }
  }
};
