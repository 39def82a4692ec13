/** Runs one command in the test's own process, without the tree that names it. */
import type { Environment } from '../src/config.ts';
import type { Io } from '../src/io.ts';
import { problemOfCause } from '../src/output/cause.ts';
import { Output } from '../src/output/output.ts';
import { CliError, exitOf, type CliProblem } from '../src/output/problem.ts';
import type { CommandRun, GlobalFlags } from '../src/tree/command.ts';
import type { Ran } from './io.ts';

export interface OneOptions {
  readonly env?: Environment;
  readonly flags?: Partial<GlobalFlags>;
  readonly cwd?: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
}

export interface RanOne extends Ran {
  /** Of a refusal: what was written to stderr as text. */
  readonly problem?: CliProblem;
}

const FLAGS: GlobalFlags = {
  json: false,
  quiet: false,
  color: false,
  input: false,
  yes: false,
  dryRun: false,
  why: false,
  trace: undefined,
  mode: 'normal',
  url: undefined,
  dataDir: undefined,
  realm: undefined,
  tokenFile: undefined,
  key: undefined,
};

/** `options` are the command's own flags without dashes. What it throws is written as `main` writes it. */
export const runOne = async (
  command: CommandRun,
  options: Readonly<Record<string, string>>,
  { env = {}, flags = {}, cwd = '/nowhere', args = [], stdin = '' }: OneOptions,
): Promise<RanOne> => {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written): Io['stdout'] => ({
    isTerminal: false,
    columns: 80,
    write: (text) => {
      written[name] += text;
    },
  });
  const io: Io = {
    env,
    cwd,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdinIsTerminal: false,
    readStdin: async () => stdin,
    readStdinBytes: async (bytesMax) => Buffer.from(stdin).subarray(0, bytesMax),
    askHidden: async () => Buffer.alloc(0),
    ask: async () => '',
    interrupted: new AbortController().signal,
  };
  const all = { ...FLAGS, ...flags };
  const out = new Output(io, all);
  const context = {
    spec: { path: ['test'], summary: '', args: [], options: [], example: '' },
    args,
    options: new Map(Object.entries(options).map(([name, value]) => [name, [value]])),
    flags: all,
    io,
    out,
  };
  try {
    return { code: await command(context), ...written };
  } catch (cause) {
    const problem = cause instanceof CliError ? cause.problem : await problemOfCause(cause);
    out.problem(problem);
    return { code: exitOf(problem, 130), problem, ...written };
  }
};
