/** Service contracts from files: YAML or JSON in, a contract or issues with field, line and mend out. Touches no disk. */
import { HttpGrant, SecretGrant, ServiceContract } from '@infrafabric/protocol';
import { z } from 'zod';
import { SHARES, withoutFractions } from './contract-shares.ts';
import type { Finding } from './contract-shares.ts';
import { didYouMean, ISSUES_MAX, pathText } from '../plans/issues.ts';
import type { PlanIssue } from '../plans/issues.ts';
import { parseStructured } from '../plans/readers/structured.ts';

export type ReadContract =
  | {
      readonly kind: 'contract';
      readonly contract: ServiceContract;
      /** The file says how much memory a run has; else it is what is usual. */
      readonly namesMemory: boolean;
    }
  | { readonly kind: 'refused'; readonly issues: readonly PlanIssue[] };

/** What a person writes for a field that is missing or wrong, by its name. */
const MENDS: Readonly<Record<string, string>> = {
  contractVersion: 'write "contractVersion": 1',
  provider: 'name who answers for the module: letters, digits and . _ @ -',
  swarmId: 'name the swarm that works with it, as in ifab swarm list',
  version: 'write three numbers: 1.4.0',
  module: 'write {"digest": "sha256:…", "abi": "json", "entrypoints": ["run"]}',
  digest: 'write sha256: and 64 hex digits; ifab contract check FILE --module MODULE says them',
  abi: 'one of: extism, json, wasi, js',
  entrypoints: 'list the exports that tasks may call',
  hostFunctions: 'one or more of: log, http, call; leave it out to grant none',
  origin: 'write scheme, host and port only: https://api.example.org:443',
  ref: 'write vault://path#field; the secret itself never stands here',
  inject:
    'one of: {"header": "authorization", "prefix": "Bearer "}, {"query": "key"}, {"basic": "user"}',
  pathPrefix: 'begin with a slash: /v1/',
  methods: 'list some of: GET, HEAD, POST, PUT, PATCH, DELETE',
};

const SCHEMA = 'docs/reference/contract.schema.json';

/** Never throws for what the text holds. */
export const readContract = (text: string): ReadContract => {
  if (text.trim() === '') return refusedAs('the file is empty', `begin with an example: ${SCHEMA}`);
  const parsed = parseStructured(text);
  if (parsed.kind === 'refused') return { kind: 'refused', issues: parsed.issues };
  const { value, flaws } = withoutFractions(parsed.value);
  const read = ServiceContract.safeParse(value);
  if (read.success && flaws.length === 0)
    return { kind: 'contract', contract: read.data, namesMemory: namesMemory(value) };
  const issues = [...flaws, ...(read.error?.issues ?? []).flatMap(explain)].slice(0, ISSUES_MAX);
  return {
    kind: 'refused',
    issues: issues.map(({ at, what, mend }) => ({
      path: pathText(at),
      line: parsed.lineOf(at),
      what,
      mend,
    })),
  };
};

const WithMemory = z.object({ limits: z.object({ memoryMibMax: z.number() }) });

const namesMemory = (document: unknown): boolean => WithMemory.safeParse(document).success;

const refusedAs = (what: string, mend: string): ReadContract => ({
  kind: 'refused',
  issues: [{ path: '', line: undefined, what, mend }],
});

/** The schema's complaint in words of the contract. Values are not repeated: one may be a secret put in the wrong place. */
const explain = (issue: z.core.$ZodIssue): readonly Finding[] => {
  const at = issue.path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        at: [...at, key],
        what: `“${key}” is no field here`,
        mend: `${didYouMean(key, fieldsAt(at))}fields here: ${fieldsAt(at).join(', ')}`,
      }));
    case 'invalid_type':
      return issue.input === undefined && issue.message.includes('undefined')
        ? [{ at, what: 'it is missing', mend: mendOf(at, `add it: ${issue.expected}`) }]
        : [
            {
              at,
              what: 'it is not of the right type',
              mend: mendOf(at, `write ${issue.expected}`),
            },
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
          mend: mendOf(at, `one of: ${issue.values.join(', ')}`),
        },
      ];
    case 'invalid_union':
      return [{ at, what: 'it has none of the allowed shapes', mend: mendOf(at, `see ${SCHEMA}`) }];
    case 'invalid_format':
      return [{ at, what: `it ${issue.message}`, mend: mendOf(at, `see ${SCHEMA}`) }];
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return [{ at, what: issue.message, mend: mendOf(at, `see ${SCHEMA}`) }];
  }
};

const lastName = (at: readonly PropertyKey[]): string => {
  const name = at.findLast((part) => typeof part === 'string');
  return typeof name === 'string' ? name : '';
};

const mendOf = (at: readonly PropertyKey[], otherwise: string): string =>
  MENDS[lastName(at)] ?? otherwise;

/** Shares by the names that people write them under. */
const shareFields = (section: string, fields: readonly string[]): readonly string[] =>
  fields.map(
    (field) => SHARES.find((one) => one.section === section && one.field === field)?.word ?? field,
  );

/** The fields that the object at this path may have. */
const fieldsAt = (at: readonly PropertyKey[]): readonly string[] => {
  switch (lastName(at)) {
    case '':
      return Object.keys(ServiceContract.shape);
    case 'module':
      return Object.keys(ServiceContract.shape.module.shape);
    case 'guarantees':
      return shareFields(
        'guarantees',
        Object.keys(ServiceContract.shape.guarantees.unwrap().shape),
      );
    case 'limits':
      return Object.keys(ServiceContract.shape.limits.unwrap().shape);
    case 'reputation':
      return shareFields(
        'reputation',
        Object.keys(ServiceContract.shape.reputation.unwrap().shape),
      );
    case 'http':
      return Object.keys(HttpGrant.shape);
    case 'secrets':
      return Object.keys(SecretGrant.shape);
    case 'inject':
      return ['header', 'prefix', 'query', 'basic'];
    default:
      return [];
  }
};
