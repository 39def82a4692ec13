/** Every no that the command line says: in two lines for people, as problem JSON for programs. */
import type { Problem, Remedy } from '@infrafabric/protocol';
import { printable } from '../plans/report/printable.ts';
import { EXIT_OF_REMEDY } from './exit.ts';

/** Codes that only the command line has, beside those of the catalogue. */
export type CliCode =
  | 'cli.usage'
  | 'cli.input'
  | 'cli.no_server'
  | 'cli.unreachable'
  | 'cli.not_signed_in'
  | 'cli.not_available'
  | 'cli.confirm'
  | 'cli.interrupted';

const CLI_REMEDIES: Readonly<Record<CliCode, Remedy>> = {
  'cli.usage': 'fix-request',
  'cli.input': 'fix-request',
  'cli.no_server': 'retry-later',
  'cli.unreachable': 'retry-later',
  'cli.not_signed_in': 'fix-request',
  'cli.not_available': 'fix-request',
  'cli.confirm': 'fix-request',
  'cli.interrupted': 'retry-later',
};

/** A problem as the command line prints it; the fabric's own pass through with all their fields. */
export interface CliProblem {
  readonly code: string;
  readonly remedy: Remedy;
  readonly detail: string;
  /** What to do next: the second line. */
  readonly next?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
  readonly trace?: string;
}

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly problem: CliProblem;

  constructor(problem: CliProblem, options?: ErrorOptions) {
    super(`${problem.code}: ${problem.detail}`, options);
    this.problem = problem;
  }
}

/** A no of the command line's own. */
export const cliError = (
  code: CliCode,
  detail: string,
  next: string,
  more: { readonly facts?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): CliError =>
  new CliError(
    {
      code,
      remedy: CLI_REMEDIES[code],
      detail,
      next,
      ...(more.facts === undefined ? {} : { facts: more.facts }),
    },
    more.cause === undefined ? undefined : { cause: more.cause },
  );

const MS_PER_SECOND = 1_000;

/** What to do about a code that is met often; `{command}` is the command that was typed. */
const NEXT_OF_CODE: Readonly<Record<string, string>> = {
  'auth.missing': 'Set IFAB_TOKEN or IFAB_TOKEN_FILE to a credential of this fabric.',
  'auth.invalid':
    'Check that IFAB_TOKEN, or the token file, belongs to this fabric: ifab config explain tokenFile',
  'auth.expired': 'Take a newer token: a heartbeat of the session brings one.',
  'auth.forbidden': 'Call as an operator, or as the session that the act belongs to.',
  'plan.exists': 'Give it another id with --id, or change the running plan: ifab help plan edit',
  'plan.not_found': 'See which plans there are: ifab plan list',
  'task.not_found': 'See which tasks there are: ifab task list',
  'session.not_found': 'See which sessions there are: ifab session list',
  'blocker.not_found': 'See which blockers there are: ifab blocker list',
  'task.not_ready': 'See what it waits for: ifab task explain TASK',
  'task.parked': 'Take it up again when its cause is gone: ifab task unpark TASK',
  'lease.stale': 'Somebody else may hold the task by now; take a new lease: ifab task next',
  'session.too_many': 'End some that do no work: ifab session list, ifab session revoke SESSION',
  'session.ended': 'Open a new session: ifab session open NAME',
  'budget.exceeded':
    'See what is left where: ifab cost budget. Raise a limit: ifab budget set ACCOUNT USD',
  'budget.unconfirmed':
    'See what it may cost: ifab plan preview PLAN. Confirm it: --confirm USD, or --yes',
  'budget.too_low': 'See what is spent and reserved: ifab cost budget',
  'budget.too_wide': 'Raise the account above it first: ifab budget set ACCOUNT USD',
  'budget.not_found': 'See which accounts there are: ifab budget list',
  'price.unknown': 'Set it: ifab price set MODEL --input USD --output USD --source URL',
  'swarm.not_found': 'See which swarms there are: ifab swarm list',
  'swarm.suspended':
    'See why: ifab breaker list. Let it try again: ifab breaker reset SWARM --reason TEXT',
  'breaker.closed': 'See how breakers stand: ifab breaker list',
  'breaker.open': 'Let it try again: ifab breaker reset SWARM --reason TEXT',
  'capability.unknown': 'See which there are: ifab capability list',
  'policy.denied': 'See which rule it was: ifab policy explain ACTION --facts JSON',
  'policy.invalid': 'See where: ifab policy check FILE',
  'contract.not_found':
    'See which there are: ifab contract list. Bring one: ifab chassis load FILE --contract CONTRACT --swarm SWARM',
  'contract.entrypoint': 'See what it has: ifab contract show SWARM MODULE',
  'module.refused': 'See why: ifab module list. How modules are built: docs/guides/guests.md',
  'isolation.too_low':
    'See what this machine lacks, and the command that adds it: ifab chassis levels',
  'run.not_found': 'See which runs there are: ifab chassis runs',
  'secret.not_found':
    'In the default store: ifab secret list says which there are, ifab secret set REF adds one.',
  'secret.denied': 'Mend the rights that it names: of the file, or of the token in Vault.',
  'secret.unavailable': 'When its store answers again: ifab secret check REF',
  'secret.invalid': 'References are vault://path#field; values have 1 to 65,536 bytes.',
  'escalation.not_found': 'See which there are: ifab escalation list',
  'log.full': 'Make room on the disk of the data folder; the fabric goes on by itself.',
  'log.locked': 'Use the fabric that runs (ifab status), or stop it first.',
  'witness.unanchored': 'The fabric signs within a second of its first entry; try again then.',
  'log.damaged': 'See where: ifab witness verify DIR',
};

const NEXT_OF_REMEDY: Readonly<Record<Remedy, string>> = {
  'fix-request': 'Change the call and try again: ifab help shows how it is written.',
  'give-up': 'The same call will not work later; ifab task explain and --why say more.',
  'retry-later': 'The same command may work later.',
  'report-bug':
    'This is a mistake of the fabric; report it with the trace id and ifab doctor --json.',
};

/** The fabric's problem document with a second line; its text came over the wire and stays data. */
export const withNext = (problem: Problem): CliProblem => ({
  ...problem,
  next: NEXT_OF_CODE[problem.code] ?? later(problem) ?? NEXT_OF_REMEDY[problem.remedy],
});

const later = ({ remedy, retryAfterMs }: Problem): string | undefined =>
  remedy === 'retry-later' && retryAfterMs !== undefined
    ? `The same command may work in ${Math.ceil(retryAfterMs / MS_PER_SECOND)} s.`
    : undefined;

export const exitOf = ({ code, remedy }: CliProblem, interruptedCode: number): number =>
  code === 'cli.interrupted' ? interruptedCode : EXIT_OF_REMEDY[remedy];

/** Two lines: what, and what to do. */
export const problemText = ({ code, detail, next, remedy, trace }: CliProblem): string => {
  const traced = trace === undefined ? '' : `, trace ${trace}`;
  return `ifab: ${printable(detail)} (${printable(code)}${printable(traced)})\n      ${printable(next ?? NEXT_OF_REMEDY[remedy])}\n`;
};
