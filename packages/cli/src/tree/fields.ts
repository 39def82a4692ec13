/** How fields of operations are written on a command line, whichever operation they belong to. */
import type { FieldRow } from '../registry/rows.ts';
import type { ArgumentSpec, Completion, FieldSpec, LiveKind, OptionSpec } from './command.ts';

interface FieldWords {
  /** Without dashes. */
  readonly flag?: string;
  readonly value?: string;
  readonly says: string;
  readonly live?: LiveKind;
  readonly env?: string;
  readonly type?: 'duration' | 'time' | 'money';
}

const WORDS: Readonly<Record<string, FieldWords>> = {
  planId: { flag: 'plan', value: 'plan', says: 'of this plan', live: 'plan' },
  taskId: { flag: 'task', value: 'task', says: 'task, as plan/key', live: 'task' },
  sessionId: {
    flag: 'session',
    value: 'session',
    says: 'session that acts; else IFAB_SESSION',
    live: 'session',
    env: 'IFAB_SESSION',
  },
  blockerId: { flag: 'blocker', value: 'blocker', says: 'blocker', live: 'blocker' },
  fencingToken: {
    flag: 'fencing-token',
    value: 'token',
    says: 'fencing token of the lease; else IFAB_FENCING_TOKEN',
    env: 'IFAB_FENCING_TOKEN',
  },
  waitsOn: {
    value: 'task',
    says: 'task whose completion lifts the blocker by itself',
    live: 'task',
  },
  leaseMs: {
    flag: 'lease',
    value: 'time',
    says: 'length of the lease: 30s, 5m, 1h',
    type: 'duration',
  },
  waitMs: {
    flag: 'wait',
    value: 'time',
    says: 'wait this long for work: 25s at most',
    type: 'duration',
  },
  since: { value: 'time', says: 'not older: 10m, 2h, 1d, or an ISO time', type: 'time' },
  until: { value: 'time', says: 'not newer: 10m, 2h, 1d, or an ISO time', type: 'time' },
  from: { value: 'index', says: 'first entry' },
  to: { value: 'index', says: 'last entry' },
  trace: { flag: 'of-trace', value: 'trace', says: 'entries of this trace id' },
  newest: { says: 'newest first' },
  limit: { value: 'rows', says: 'rows of one page' },
  after: { value: 'id', says: 'rows after this one' },
  reason: { value: 'text', says: 'why; it goes into the log' },
  note: { value: 'text', says: 'what was done so far' },
  title: { value: 'text', says: 'one line that says it' },
  label: { value: 'text', says: 'what people see beside its name' },
  resolution: { value: 'text', says: 'how it was lifted' },
  capabilities: { value: 'a,b', says: 'what the agent can do: lang:rust,tool:git' },
  needs: { value: 'a,b', says: 'capabilities that are needed' },
  evidence: { value: 'evidence', says: 'what shows that the work is real' },
  percent: { value: 'percent', says: 'how much is done' },
  artifact: { value: 'json', says: 'what was made: {"name","digest","bytes"}' },
  next: { says: 'lease the next task in the same entry' },
  retry: { says: 'park the task instead of trying it again' },
  release: { says: 'give the lease back too' },
  gates: { value: 'json', says: 'results of gates: [{"name","ok"}]' },
  result: { value: 'json', says: 'result of the check: {"name","ok"}' },
  verdict: { says: 'accept or reject' },
  role: { value: 'role', says: 'worker takes tasks; runner also runs gates' },
  swarm: { value: 'swarm', says: 'swarm that it belongs to' },
  leasesMax: { value: 'count', says: 'most leases at a time' },
  count: { value: 'count', says: 'most tasks to lease at once' },
  severity: { value: 'severity', says: 'at this severity' },
  status: { value: 'status', says: 'in this state' },
  kind: { value: 'kind', says: 'kind of the blocker' },
  operation: { value: 'name', says: 'operation' },
  principal: { value: 'name', says: 'who did it' },
  component: { value: 'name', says: 'program that acted' },
  params: { value: 'json', says: 'facts: {"name": value}' },
  index: { value: 'index', says: 'index of the entry' },
  agent: { value: 'agent', says: 'lasting name of the agent' },
  phase: { value: 'phase', says: 'phase', live: 'phase' },
  add: { value: 'json', says: 'tasks to add: [{"key","title",…}]' },
  addDependencies: { value: 'json', says: 'edges to add: [{"task","dependsOn"}]' },
  dropDependencies: { value: 'json', says: 'edges to drop: [{"task","dependsOn"}]' },
  priorities: { value: 'json', says: 'new priorities: [{"task","priority"}]' },
  leases: { value: 'json', says: 'only these: [{"taskId","fencingToken"}]' },
  plan: { value: 'json', says: 'the plan' },
  swarmId: { flag: 'swarm', value: 'swarm', says: 'swarm', live: 'swarm' },
  account: {
    value: 'account',
    says: 'realm, plan:ID, task:PLAN/KEY, swarm:ID or session:ID',
    live: 'account',
  },
  limitMicroUsd: {
    flag: 'limit',
    value: 'usd',
    says: 'the most that may be spent, in dollars: 40, 0.25',
    type: 'money',
  },
  confirmMicroUsd: {
    flag: 'confirm',
    value: 'usd',
    says: 'what the plan may cost, in dollars, as a person confirms it',
    type: 'money',
  },
  microUsd: { flag: 'usd', value: 'usd', says: 'the cost, in dollars', type: 'money' },
  inputMicroUsdPerMTok: {
    flag: 'input',
    value: 'usd',
    says: 'dollars a million input tokens',
    type: 'money',
  },
  outputMicroUsdPerMTok: {
    flag: 'output',
    value: 'usd',
    says: 'dollars a million output tokens',
    type: 'money',
  },
  cachedMicroUsdPerMTok: {
    flag: 'cached',
    value: 'usd',
    says: 'dollars a million tokens out of the cache; absent: as input',
    type: 'money',
  },
  measured: { says: 'it was measured, and is not an agent’s word' },
  inputTokens: { value: 'tokens', says: 'tokens that the model read' },
  outputTokens: { value: 'tokens', says: 'tokens that it wrote' },
  cachedTokens: { value: 'tokens', says: 'tokens that came out of the provider’s cache' },
  model: { value: 'model', says: 'model, as its provider names it' },
  source: { value: 'text', says: 'where the price is written' },
  id: { value: 'capability', says: 'capability, as domain:skill' },
  description: { value: 'text', says: 'one sentence that says it' },
  profile: { value: 'json', says: 'the swarm’s profile' },
  contract: { value: 'json', says: 'the contract' },
  provider: { value: 'name', says: 'who answers for the module' },
  module: { value: 'digest', says: 'digest of the module' },
  digest: { value: 'digest', says: 'digest of the module' },
  bytes: { value: 'bytes', says: 'its size' },
  abi: { value: 'abi', says: 'how it is linked' },
  admitted: { says: 'its admission took it' },
  admission: { value: 'version', says: 'version of the admission' },
  engine: { value: 'version', says: 'version of V8' },
  memoryPages: { value: 'pages', says: 'of its first memory, 64 KiB each' },
  functions: { value: 'count', says: 'functions that it has' },
  runId: { flag: 'run', value: 'run', says: 'the run' },
  level: { value: 'level', says: 'isolation that the host attains: 0 to 3' },
  layers: { value: 'json', says: 'what it is made of: ["process"]' },
  node: { value: 'version', says: 'version of Node' },
  platform: { value: 'name', says: 'platform and architecture: linux-x64' },
  notes: { value: 'json', says: 'violations and uses of credentials' },
  cause: { says: 'how it ended' },
  measure: { value: 'json', says: 'what was measured' },
  detail: { value: 'text', says: 'what went wrong' },
  output: { value: 'digest', says: 'digest of the result' },
  open: { says: 'only what has not ended' },
  breaker: { value: 'state', says: 'in this state' },
  state: { value: 'state', says: 'in this state' },
  escalationId: {
    flag: 'escalation',
    value: 'escalation',
    says: 'escalation, as esc_123',
    live: 'escalation',
  },
  quorum: { value: 'count', says: 'helpers who must say that it is lifted' },
  escalateAfterMs: {
    flag: 'escalate-after',
    value: 'time',
    says: 'tell a person after this long: 15m',
    type: 'duration',
  },
};

/** Fields that are on unless a flag says no. */
const ON_BY_DEFAULT = new Set(['retry']);

const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const fieldSpec = (row: FieldRow): FieldSpec => {
  const words = WORDS[row.name];
  return {
    name: row.name,
    required: row.required,
    type: words?.type === undefined ? row.type : { kind: words.type },
    // A filter must not fill itself: only what a call cannot do without is taken from the environment.
    ...(words?.env === undefined || !row.required ? {} : { env: words.env }),
  };
};

const completionOf = (row: FieldRow): Completion | undefined => {
  if (row.type.kind === 'enum') return { kind: 'words', words: row.type.values };
  if (row.type.kind === 'json') return { kind: 'files' };
  const live = WORDS[row.name]?.live;
  return live === undefined ? undefined : { kind: 'live', of: live };
};

const saysOf = (row: FieldRow): string => {
  const words = WORDS[row.name];
  const isFilter = !row.required && words?.env !== undefined;
  const says = isFilter
    ? `of this ${row.name.replace(/Id$/, '')}`
    : (words?.says ?? `the operation’s field ${row.name}`);
  return row.type.kind === 'enum' && row.name !== 'verdict'
    ? `${says}: ${row.type.values.join(', ')}`
    : says;
};

/** By position stands the thing itself, not what something is of. */
const thingOf = ({ name }: FieldRow): string | undefined => {
  const live = WORDS[name]?.live;
  if (live === undefined) return undefined;
  return live === 'task' ? 'the task, as plan/key' : `the ${live}`;
};

/** A field as a word by position. */
export const argumentOf = (row: FieldRow): ArgumentSpec => ({
  name: (WORDS[row.name]?.flag ?? kebab(row.name)).toUpperCase(),
  says: thingOf(row) ?? saysOf(row),
  required: row.required,
  field: fieldSpec(row),
  completion: completionOf(row),
});

/** A field as a flag. Fields with a structure of their own take JSON, `@file` or `-`. */
export const optionOfField = (row: FieldRow): OptionSpec => {
  const words = WORDS[row.name];
  const flag = `--${ON_BY_DEFAULT.has(row.name) ? 'no-' : ''}${words?.flag ?? kebab(row.name)}`;
  const says = saysOf(row);
  if (row.type.kind === 'bool') return { flag, says, field: fieldSpec(row) };
  return {
    flag,
    value: words?.value ?? row.type.kind,
    says: row.type.kind === 'json' ? `${says}; JSON, @file or -` : says,
    many: row.type.kind === 'strings',
    field: fieldSpec(row),
    completion: completionOf(row),
  };
};
