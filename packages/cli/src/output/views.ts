/** How the outputs of operations look to people. What has no view of its own is shown as its fields. */
import type { OperationName, OutputOf, TaskSpec } from '@infrafabric/protocol';
import { agoText, durationText } from '../commands/duration.ts';
import { shortened } from '../plans/index.ts';
import { printable } from '../plans/report/printable.ts';
import { usdText } from '../costs/money.ts';
import { cell, pairs, table } from './terminal.ts';
import type { Cell, Paint, Terminal } from './terminal.ts';
import { CHASSIS_VIEWS } from './views-chassis.ts';
import { GOVERNOR_VIEWS } from './views-governor.ts';
import type { Views } from './view.ts';

const PHASE_PAINT: Readonly<Record<string, Paint>> = {
  ready: 'cyan',
  leased: 'yellow',
  working: 'yellow',
  blocked: 'red',
  parked: 'red',
  wedged: 'red',
  dead: 'red',
  submitted: 'cyan',
  done: 'green',
  passed: 'green',
  active: 'yellow',
  open: 'cyan',
  cancelled: 'dim',
  closed: 'dim',
};

const state = (word: string): Cell => cell(word, PHASE_PAINT[word]);

/** `3/10` and the states that are not empty, in the order of a task's life. */
const COUNTED = [
  'ready',
  'leased',
  'submitted',
  'blocked',
  'parked',
  'waiting',
  'cancelled',
] as const;
export const countsText = (
  counts: Readonly<Record<(typeof COUNTED)[number] | 'done' | 'total', number>>,
): string => {
  const parts = COUNTED.filter((name) => counts[name] > 0).map((name) => `${counts[name]} ${name}`);
  return [`${counts.done}/${counts.total} done`, ...parts].join(', ');
};

const more = (next: string | undefined): string =>
  next === undefined ? '' : `more: --after ${next}\n`;

const VIEWS: Views = {
  ...GOVERNOR_VIEWS,
  ...CHASSIS_VIEWS,
  'plans.list': ({ plans, next }, terminal) =>
    plans.length === 0
      ? 'No plans yet. Take one: ifab plan submit FILE\n'
      : table(
          terminal,
          ['PLAN', 'STATUS', 'TASKS', 'TITLE'],
          plans.map((plan) => [
            cell(plan.planId),
            state(plan.status),
            cell(countsText(plan.counts)),
            cell(plan.title),
          ]),
        ) + more(next),
  'plans.show': (plan, terminal, nowMs) =>
    pairs(terminal, [
      ['plan', plan.planId, 'bold'],
      ['title', plan.title],
      ['status', plan.status, PHASE_PAINT[plan.status]],
      ['tasks', countsText(plan.counts)],
      ['dependencies', plan.dependencies],
      ['longest chain', `${plan.longestChain} tasks, ${plan.unfinishedChain} unfinished`],
      ['submitted', agoText(plan.submittedAt, nowMs)],
    ]) +
    (plan.phases.length === 0
      ? ''
      : `\n${table(
          terminal,
          ['PHASE', 'STATUS', 'LEFT', 'GATE', 'TITLE'],
          plan.phases.map((phase) => [
            cell(phase.id),
            state(phase.status),
            cell(phase.tasksLeft),
            cell(gateText(phase)),
            cell(phase.title),
          ]),
        )}`),
  'tasks.list': ({ tasks, next }, terminal, nowMs) =>
    tasks.length === 0
      ? 'No tasks.\n'
      : table(
          terminal,
          ['TASK', 'PHASE', 'P', 'TRIES', 'HOLDER', 'TITLE'],
          tasks.map((task) => [
            cell(task.taskId),
            state(task.phase),
            cell(task.priority),
            cell(`${task.attempts}/${task.attemptsMax}`),
            cell(
              task.holder === undefined
                ? ''
                : `${task.holder.agent}, ${agoText(task.holder.until, nowMs)}`,
            ),
            cell(task.title),
          ]),
        ) + more(next),
  'tasks.show': (task, terminal, nowMs) =>
    pairs(terminal, [
      ['task', task.taskId, 'bold'],
      ['title', task.title],
      ['phase', task.phase, PHASE_PAINT[task.phase]],
      ['plan phase', task.planPhase],
      ['priority', task.priority],
      ['attempts', `${task.attempts} of ${task.attemptsMax}`],
      ['fence', task.fence],
      ['holder', task.holder && `${task.holder.agent} (${task.holder.sessionId})`],
      ['lease ends', task.holder && agoText(task.holder.until, nowMs)],
      ['depends on', task.dependsOn.map(({ taskId, phase }) => `${taskId} ${phase}`).join(', ')],
      ['needed by', task.dependants.join(', ')],
      ['blockers', task.blockers.join(', ')],
      ['parked for', task.parkedFor],
      ['progress', task.lastProgress],
      ['command', whatRuns(task.spec)],
      ['evidence', task.evidence && JSON.stringify(task.evidence)],
      ['description', task.spec.description],
    ]),
  'tasks.explain': ({ taskId, phase, reasons }, terminal, nowMs) =>
    pairs(terminal, [
      ['task', taskId, 'bold'],
      ['phase', phase, PHASE_PAINT[phase]],
      ...reasons.map(
        ({ code, text, until }) =>
          [code, until === undefined ? text : `${text} (${agoText(until, nowMs)})`] as const,
      ),
    ]),
  'tasks.next': ({ grants }, terminal, nowMs) =>
    grants.length === 0
      ? 'No task is ready for this session.\n'
      : grants.map((grant) => grantText(grant, terminal, nowMs)).join('\n'),
  'tasks.claim': (grant, terminal, nowMs) => grantText(grant, terminal, nowMs),
  'sessions.list': ({ sessions, next }, terminal, nowMs) =>
    sessions.length === 0
      ? 'No sessions. Open one: ifab session open NAME\n'
      : table(
          terminal,
          ['SESSION', 'AGENT', 'ROLE', 'LIVENESS', 'SEEN', 'LEASES', 'REASON'],
          sessions.map((session) => [
            cell(session.sessionId),
            cell(session.agent),
            cell(session.role),
            session.status === 'closed' ? state('closed') : state(session.liveness),
            cell(`${session.lastEvidence} ${agoText(session.lastEvidenceAt, nowMs)}`),
            cell(session.leases.length),
            cell(session.reason),
          ]),
        ) + more(next),
  'sessions.open': ({ sessionId, token, tokenExpiresAt, heartbeatMs }, terminal, nowMs) =>
    pairs(terminal, [
      ['session', sessionId, 'bold'],
      ['token', token],
      ['token ends', agoText(tokenExpiresAt, nowMs)],
      ['heartbeat', `every ${durationText(heartbeatMs)}: ifab session heartbeat ${sessionId}`],
    ]),
  'blockers.list': ({ blockers, next }, terminal, nowMs) =>
    blockers.length === 0
      ? 'No blockers.\n'
      : table(
          terminal,
          ['BLOCKER', 'TASK', 'KIND', 'STATUS', 'RAISED', 'BLOCKS', 'HELPERS', 'HELP', 'TITLE'],
          blockers.map((blocker) => [
            cell(blocker.blockerId),
            cell(blocker.taskId),
            cell(blocker.kind),
            state(blocker.status),
            cell(agoText(blocker.raisedAt, nowMs)),
            cell(blocker.blocks),
            cell(blocker.helpers.length),
            cell(
              `${blocker.help.filter(({ phase }) => phase === 'done').length}/${blocker.help.length}`,
            ),
            cell(blocker.title),
          ]),
        ) + more(next),
  'blockers.raise': (raised, terminal) =>
    pairs(terminal, [
      ['blocker', raised.blockerId, 'bold'],
      ...raised.helpers.map(
        ({ agent, swarmId, needs, limitMicroUsd }) =>
          [
            'helper',
            `${swarmId ?? agent} for ${needs.join(', ')}, up to ${usdText(limitMicroUsd)}`,
            'green',
          ] as const,
      ),
      ['open', raised.open.join(', ')],
      ['nobody has', raised.uncovered.join(', '), 'red'],
      ['told to a person', raised.escalationId],
    ]),
  'blockers.resolve': ({ blockerId, status, declared, quorum }) =>
    status === 'resolved'
      ? `blocker ${blockerId} is resolved\n`
      : `blocker ${blockerId} stays open: ${declared} of ${quorum} helpers say that it is lifted\n`,
  'realm.status': (status, terminal) =>
    pairs(terminal, [
      ['realm', `${status.realm} (${status.origin})`, 'bold'],
      ['tasks', countsText(status.tasks)],
      ['plans', status.plans],
      ['sessions', `${status.sessions.open} open, ${status.sessions.waiting} waiting for work`],
      ['blockers', status.blockersOpen, status.blockersOpen > 0 ? 'yellow' : undefined],
      [
        'money',
        `${usdText(status.money.spentMicroUsd)} of ${usdText(status.money.limitMicroUsd)} spent, ${usdText(status.money.reservedMicroUsd)} reserved`,
      ],
      ['overrun', overrunText(status.money.overrunMicroUsd), 'red'],
      ['stopped swarms', status.breakersOpen > 0 ? status.breakersOpen : undefined, 'red'],
      [
        'for you to see',
        status.escalationsOpen > 0
          ? `${status.escalationsOpen} escalations: ifab escalation list`
          : undefined,
        'red',
      ],
      ['log', `${status.size} entries, epoch ${status.epoch}, durability ${status.durability}`],
      [
        'checkpoint',
        status.checkpoint && `${status.checkpoint.size} entries, root ${status.checkpoint.root}`,
      ],
      ['read-only', status.readOnly ? 'yes: the disk is full' : undefined, 'red'],
      ['version', status.version],
    ] as const),
  'witness.query': ({ entries, next, indexedTo }, terminal) =>
    entries.length === 0
      ? `No entries among the first ${indexedTo}.\n`
      : entriesText(entries, terminal) + (next === undefined ? '' : `more: --from ${next}\n`),
  'witness.proof': ({ proof }) => proof,
  'witness.checkpoint': ({ checkpoint }) => checkpoint,
};

const overrunText = (microUsd: number): string | undefined =>
  microUsd === 0 ? undefined : `${usdText(microUsd)} that no account covers`;

type Entries = OutputOf<'witness.query'>['entries'];

/** Characters of a call's arguments in a row: a plan is a whole book, and --json has it. */
const ARGUMENTS_CHARS_MAX = 200;

/** Entries of the log as a table: what happened, by whom, and the events it caused. */
export const entriesText = (entries: Entries, terminal: Terminal): string =>
  table(
    terminal,
    ['INDEX', 'TIME', 'OPERATION', 'WHO', 'EVENTS', 'ARGUMENTS'],
    entries.map((entry) => [
      cell(entry.index),
      cell(new Date(entry.at).toISOString()),
      cell(entry.operation),
      cell(entry.principal),
      cell(entry.events.map(({ type }) => (typeof type === 'string' ? type : '?')).join(', ')),
      cell(shortened(JSON.stringify(entry.args), ARGUMENTS_CHARS_MAX)),
    ]),
  );

type Phase = OutputOf<'plans.show'>['phases'][number];
const gateText = ({ approvals, approvalsNeeded, checks, autonomous }: Phase): string =>
  [
    ...(autonomous ? ['autonomous'] : []),
    ...(approvalsNeeded > 0 ? [`approvals ${approvals.length}/${approvalsNeeded}`] : []),
    ...checks.map(({ name, ok }) => `${name} ${ok === null ? 'not run' : ok ? 'ok' : 'failed'}`),
  ].join(', ');

const grantText = (grant: OutputOf<'tasks.claim'>, terminal: Terminal, nowMs: number): string =>
  pairs(terminal, [
    ['task', grant.taskId, 'bold'],
    ['title', grant.task.title],
    ['fencing token', grant.fencingToken],
    ['lease ends', `${agoText(grant.leaseExpiresAt, nowMs)} (attempt ${grant.attempt})`],
    ['command', whatRuns(grant.task)],
    ['owns', grant.scope.owns?.join(', ')],
    ['may spend', usdText(grant.scope.limitMicroUsd)],
    ['helps with', grant.scope.helps],
  ]);

/** The text of an operation's output. */
export const viewOf = (
  operation: string,
  output: unknown,
  terminal: Terminal,
  nowMs: number,
): string => {
  const found = Object.entries(VIEWS).find(([name]) => name === operation);
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const view = found?.[1] as ((value: unknown, at: Terminal, now: number) => string) | undefined;
  if (view === undefined) return fieldsText(output, terminal);
  return view(RAW.has(operation) ? output : printableIn(output), terminal, nowMs);
};

/** What programs read as it is, lines and all, and what goes through cells as JSON. */
const RAW: ReadonlySet<string> = new Set([
  'witness.proof',
  'witness.checkpoint',
  'witness.query',
] satisfies OperationName[]);

/** The same value with every text in it printable: sentences are made of it without looking at it again. */
const printableIn = (value: unknown): unknown => {
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return value.map(printableIn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, printableIn(one)]));
};

const fieldsText = (output: unknown, terminal: Terminal): string => {
  if (typeof output !== 'object' || output === null) return `${JSON.stringify(output)}\n`;
  return pairs(
    terminal,
    Object.entries(output).map(([name, value]: [string, unknown]) => [
      printable(name),
      typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value),
    ]),
  );
};

/** The command of a task, or its module in the sandbox. */
const whatRuns = ({ run }: Pick<TaskSpec, 'run'>): string | undefined => {
  if (run === undefined) return undefined;
  return 'shell' in run ? run.shell : `${run.entrypoint} of ${run.wasm}`;
};
