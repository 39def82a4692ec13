/** What the SDK, the fabric and the system throw, as the command line's problems. */
import type { Problem } from '@infrafabric/protocol';
import { cliError, withNext } from './problem.ts';
import type { CliProblem } from './problem.ts';

// Told apart by name: their classes live in packages that a failing command need not have loaded.
const isNamed = <N extends string>(
  cause: unknown,
  name: N,
): cause is Error & { readonly name: N } => cause instanceof Error && cause.name === name;

export const problemOfCause = async (cause: unknown): Promise<CliProblem> => {
  if (isNamed(cause, 'FabricError') && 'problem' in cause) return withNext(problemIn(cause));
  if (isNamed(cause, 'Fault') && 'code' in cause && 'detail' in cause) {
    return faultProblem(String(cause.code), String(cause.detail));
  }
  return outsideProblem(cause) ?? defectProblem(cause);
};

/** What the wire, a file or the system refused. */
const outsideProblem = (cause: unknown): CliProblem | undefined => {
  if (isNamed(cause, 'UnreachableError')) {
    return cliError('cli.unreachable', cause.message, 'Is it running there? Start one: ifab serve')
      .problem;
  }
  if (isNamed(cause, 'PlanFileFault')) {
    return cliError('cli.input', cause.message, 'Give a file or folder that can be read.').problem;
  }
  if (!(cause instanceof Error) || !('syscall' in cause) || !('code' in cause)) return undefined;
  return systemProblem(cause.message, String(cause.code));
};

const defectProblem = (cause: unknown): CliProblem => {
  const known = cause instanceof Error;
  const stack = known ? cause.stack : undefined;
  return {
    code: 'internal',
    remedy: 'report-bug',
    detail: known ? `${cause.name}: ${cause.message}` : String(cause),
    next: 'This is a mistake of ifab; report it with: ifab doctor --json',
    ...(stack === undefined ? {} : { facts: { stack } }),
  };
};

const problemIn = ({ problem }: { readonly problem: unknown }): Problem => {
  // The SDK says so: `FabricError.problem` is the document that the fabric sent.
  const copy: Problem = JSON.parse(JSON.stringify(problem));
  return copy;
};

/** A fault inside this process: a folder that cannot be opened, a configuration that does not fit. */
const faultProblem = async (code: string, detail: string): Promise<CliProblem> => {
  const { ERRORS, isErrorCode, problemOf } = await import('@infrafabric/protocol');
  if (!isErrorCode(code)) return { code, remedy: 'report-bug', detail };
  const problem = withNext(problemOf({ code, detail }));
  return { ...problem, detail: `${ERRORS[code].message} ${detail}` };
};

const systemProblem = (message: string, code: string): CliProblem => {
  const next: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program listens there; take another port: ifab serve --port 0',
    EACCES: 'Give yourself the right to it, or name another path.',
    ENOENT: 'Check the path.',
  };
  return cliError('cli.input', message, next[code] ?? 'Check the path, the disk and your rights.')
    .problem;
};
