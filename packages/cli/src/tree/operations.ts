/**
 * The noun commands: one for each operation that somebody outside the fabric may call, derived from the registry. The
 * table below holds what a registry cannot know: which words go by position, and an example. An operation that it does
 * not name still gets a command.
 */
import { OPERATION_ROWS } from '../registry/rows.ts';
import type { OperationRow } from '../registry/rows.ts';
import { commandName } from './command.ts';
import type { CommandSpec, Mode } from './command.ts';
import { argumentOf, optionOfField } from './fields.ts';

interface CommandWords {
  readonly path?: readonly string[];
  /** Fields by position. */
  readonly by: readonly string[];
  readonly example: string;
  readonly destructive?: boolean;
  readonly modes?: readonly Mode[];
}

const TASK = 'repo-checks/build';
const SESSION = 'ses_0000000000000000';
const BLOCKER = 'blk_0000000000000000';
const MODULE = `sha256:${'0'.repeat(64)}`;
const RUN = 'run_0000000000000000';
const HELD = `${TASK} --fencing-token "$TOKEN"`;

const WORDS: Readonly<Record<string, CommandWords>> = {
  'plans.submit': { by: ['plan'], example: 'plan submit examples/repo-checks.yaml' },
  'plans.edit': {
    by: ['planId'],
    example: `plan edit repo-checks --priorities '[{"task":"build","priority":0}]'`,
  },
  'plans.pause': { by: ['planId'], example: 'plan pause repo-checks --reason "wrong branch"' },
  'plans.resume': { by: ['planId'], example: 'plan resume repo-checks' },
  'plans.cancel': {
    by: ['planId'],
    example: 'plan cancel repo-checks --reason "replaced" --yes',
    destructive: true,
  },
  'plans.list': { by: [], example: 'plan list' },
  'plans.show': { by: ['planId'], example: 'plan show repo-checks' },
  'phases.approve': { by: ['planId', 'phase'], example: 'phase approve repo-checks checks' },
  'phases.check': {
    by: ['planId', 'phase'],
    example: `phase check repo-checks checks --result '{"name":"tests","ok":true}'`,
  },
  'tasks.claim': { by: ['taskId'], example: `task claim ${TASK} --session ${SESSION}` },
  'tasks.next': { by: [], example: `task next --session ${SESSION} --wait 25s` },
  'tasks.renew': { by: [], example: `task renew --session ${SESSION}` },
  'tasks.progress': {
    by: ['taskId'],
    example: `task progress ${HELD} --percent 50 --note "compiled"`,
  },
  'tasks.release': { by: ['taskId'], example: `task release ${HELD}` },
  'tasks.complete': {
    by: ['taskId'],
    example: `task complete ${HELD} --evidence '{"exitCode":0}'`,
  },
  'tasks.fail': { by: ['taskId'], example: `task fail ${HELD} --reason "does not compile"` },
  'tasks.judge': {
    by: ['taskId', 'verdict'],
    example: `task judge ${TASK} accept --reason "read it"`,
  },
  'tasks.cancel': { by: ['taskId'], example: `task cancel ${TASK} --reason "not needed"` },
  'tasks.park': { by: ['taskId'], example: `task park ${TASK} --reason "waits for a person"` },
  'tasks.unpark': { by: ['taskId'], example: `task unpark ${TASK}` },
  'tasks.show': { by: ['taskId'], example: `task show ${TASK}` },
  'tasks.list': { by: [], example: 'task list --plan repo-checks --phase ready' },
  'tasks.explain': { by: ['taskId'], example: `task explain ${TASK} --why`, modes: ['falsify'] },
  'sessions.open': { by: ['agent'], example: 'session open ada --capabilities lang:rust,tool:git' },
  'sessions.heartbeat': { by: ['sessionId'], example: `session heartbeat ${SESSION}` },
  'sessions.close': { by: ['sessionId'], example: `session close ${SESSION}` },
  'sessions.revoke': {
    by: ['sessionId'],
    example: `session revoke ${SESSION} --reason "token leaked" --yes`,
    destructive: true,
  },
  'sessions.list': { by: [], example: 'session list --status open' },
  'blockers.raise': {
    by: ['taskId'],
    example: `blocker raise ${HELD} --kind access --title "no key for the registry"`,
  },
  'blockers.join': { by: ['blockerId'], example: `blocker join ${BLOCKER} --session ${SESSION}` },
  'blockers.resolve': {
    by: ['blockerId'],
    example: `blocker resolve ${BLOCKER} --resolution "key added"`,
  },
  'blockers.list': { by: [], example: 'blocker list --status open' },
  'plans.preview': { by: ['planId'], example: 'plan preview repo-checks' },
  'swarms.register': {
    by: [],
    example: `swarm register --profile '{"swarmId":"ndi","capabilities":["integration:ndi"],"costPerHourMicroUsd":2000000}'`,
  },
  'swarms.list': { by: [], example: 'swarm list' },
  'swarms.show': { by: ['swarmId'], example: 'swarm show session-4-sip' },
  'capabilities.define': {
    path: ['capability', 'define'],
    by: ['id'],
    example: 'capability define integration:smpp --description "Short messages over SMPP."',
  },
  'capabilities.list': { path: ['capability', 'list'], by: [], example: 'capability list' },
  'match.explain': { by: ['taskId'], example: `match explain ${TASK}` },
  'budgets.set': {
    by: ['account', 'limitMicroUsd'],
    example: 'budget set swarm:session-4-sip 40.00',
  },
  'budgets.list': { by: [], example: 'budget list --kind swarm' },
  'breakers.trip': {
    by: ['swarmId'],
    example: 'breaker trip session-4-sip --reason "wrong branch"',
  },
  'breakers.reset': {
    by: ['swarmId'],
    example: 'breaker reset session-4-sip --reason "prompt mended" --limit 50.00',
  },
  'breakers.list': { by: [], example: 'breaker list --state open' },
  'policies.show': { path: ['policy', 'show'], by: [], example: 'policy show' },
  'escalations.list': { by: [], example: 'escalation list --status open' },
  'escalations.acknowledge': {
    path: ['escalation', 'ack'],
    by: ['escalationId'],
    example: 'escalation ack esc_1234 --note "called them"',
  },
  'usage.record': {
    by: ['taskId'],
    example: `usage record ${HELD} --model gpt-5.4-mini --input-tokens 1000`,
  },
  'prices.set': {
    by: ['model'],
    example: 'price set local-llama --input 0 --output 0 --source "our own machine"',
  },
  'prices.list': { by: [], example: 'price list' },
  'prices.route': { by: [], example: 'price route --work documentation --input-tokens 20000' },
  'costs.report': { path: ['cost', 'report'], by: [], example: 'cost report' },
  'costs.history': { path: ['cost', 'history'], by: [], example: 'cost history' },
  'costs.entries': {
    path: ['cost', 'entries'],
    by: [],
    example: 'cost entries --swarm session-4-sip',
  },
  'costs.forecast': { path: ['cost', 'forecast'], by: [], example: 'cost forecast' },
  'policies.set': { path: ['policy', 'set'], by: [], example: 'policy set FILE' },
  'policies.explain': {
    path: ['policy', 'explain'],
    by: ['action'],
    example: 'policy explain task.claim',
  },
  'contracts.accept': { by: ['contract'], example: 'contract accept @count.contract.json' },
  'contracts.list': { by: [], example: 'contract list' },
  'contracts.show': { by: ['swarmId', 'module'], example: `contract show session-4-sip ${MODULE}` },
  'modules.record': {
    by: ['digest'],
    example:
      'module record "$MODULE" --bytes 512 --abi json --admitted --admission 1 --engine 13.6',
  },
  'modules.list': { by: [], example: 'module list' },
  'runs.start': {
    path: ['chassis', 'start'],
    by: ['taskId', 'level', 'node', 'platform'],
    example: `chassis start ${TASK} 3 24.21.0 linux-x64 --fencing-token "$TOKEN" --layers '["process"]'`,
  },
  'runs.note': {
    path: ['chassis', 'note'],
    by: ['runId'],
    example: `chassis note ${RUN} --notes @notes.json`,
  },
  'runs.end': {
    path: ['chassis', 'end'],
    by: ['runId', 'cause'],
    example: `chassis end ${RUN} crashed --measure @measure.json`,
  },
  'runs.list': { path: ['chassis', 'runs'], by: [], example: 'chassis runs --swarm session-4-sip' },
  'runs.show': { path: ['chassis', 'show'], by: ['runId'], example: `chassis show ${RUN}` },
  'slo.show': { path: ['chassis', 'slo'], by: ['swarmId'], example: 'chassis slo session-4-sip' },
  'slo.list': { path: ['chassis', 'slos'], by: [], example: 'chassis slos' },
  'reputation.show': {
    path: ['chassis', 'reputation'],
    by: ['swarmId'],
    example: 'chassis reputation session-4-sip',
  },
  'realm.status': { path: ['status'], by: [], example: 'status', modes: ['falsify'] },
  'witness.record': {
    by: ['component', 'operation'],
    example: `witness record deploy released --params '{"version":"1.2.0"}'`,
  },
  'witness.query': { by: [], example: 'witness query --operation tasks.claim --since 1h' },
  'witness.proof': { by: ['index'], example: 'witness proof 0' },
  'witness.checkpoint': { by: [], example: 'witness checkpoint' },
};

/** `tasks.claim` → `task claim`. */
const pathOf = (operation: string): readonly string[] => {
  const [noun = '', verb = ''] = operation.split('.');
  return [noun.endsWith('ss') ? noun : noun.replace(/s$/, ''), verb.replaceAll('_', '-')];
};

/** Where the table does not say: required fields of one word by position, in the registry's order. */
const positionsOf = (row: OperationRow): readonly string[] =>
  row.fields
    .filter(({ required, type }) => required && type.kind !== 'json' && type.kind !== 'bool')
    .map(({ name }) => name);

/** The command of an operation; exported for the test that no operation is without one. */
export const commandOf = (row: OperationRow): CommandSpec => {
  const words = WORDS[row.name];
  const path = words?.path ?? pathOf(row.name);
  const by = words?.by ?? positionsOf(row);
  const args = by.flatMap((name) => {
    const field = row.fields.find((one) => one.name === name);
    return field === undefined ? [] : [argumentOf(field)];
  });
  const rest = row.fields.filter(({ name }) => !by.includes(name));
  return {
    path,
    summary: row.summary,
    args,
    options: rest.map(optionOfField),
    example: words?.example ?? [...path, ...args.map(({ name }) => name)].join(' '),
    operation: row,
    mutates: row.effect !== 'read',
    destructive: words?.destructive ?? false,
    explains: row.effect !== 'soft' && !row.name.startsWith('witness.'),
    modes: words?.modes ?? [],
    load: async () => (await import('../commands/operation.ts')).runOperation,
  };
};

/** Commands that stand in the place of a derived one have its path. */
export const operationCommands = (taken: readonly CommandSpec[]): readonly CommandSpec[] => {
  const names = new Set(taken.map(commandName));
  return OPERATION_ROWS.map(commandOf).filter((spec) => !names.has(commandName(spec)));
};
