/** `ifab swarm spawn` in the test's own process, without the tree that names it. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { swarmSpawn } from '../src/commands/swarm-spawn.ts';
import { problemOfCause } from '../src/output/cause.ts';
import { Output } from '../src/output/output.ts';
import { CliError, exitOf } from '../src/output/problem.ts';
import type { CommandContext } from '../src/tree/command.ts';
import { globalFlags } from '../src/tree/globals.ts';
import type { Ran, RunOptions } from './io.ts';

export interface SpawnOptions extends RunOptions {
  readonly dataDir?: string;
}

const SWITCHES = new Set(['accept', 'show-tokens']);
const GLOBALS: Readonly<Record<string, object>> = {
  '--json': { json: true },
  '--yes': { yes: true },
  '--dry-run': { dryRun: true },
  '--no-input': { input: false },
  '--key=spawn-key': { key: 'spawn-key' },
};

export interface SpawnRan extends Ran {
  readonly dataDir: string;
}

/** Runs the command as main does, in a folder below `root`; the words are its own flags and those above. */
export const spawnSwarm = async (
  words: readonly string[],
  root: string,
  options: SpawnOptions,
): Promise<SpawnRan> => {
  const { terminal = false, cwd = root, answers = [] } = options;
  const dataDir = options.dataDir ?? mkdtempSync(join(root, 'data-'));
  const { args, given, globals } = parsed(words);
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTerminal: terminal,
    columns: 120,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const left = [...answers];
  const io: CommandContext['io'] = {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', HOME: root, ...options.env },
    cwd,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdinIsTerminal: terminal,
    readStdin: async () => '',
    ask: async (question) => {
      written.stderr += question;
      return left.shift() ?? '';
    },
    interrupted: new AbortController().signal,
  };
  const flags = globalFlags({ ...globals, dataDir }, 'normal');
  const out = new Output(io, flags);
  const spec = { path: ['swarm', 'spawn'], summary: '', args: [], options: [], example: '' };
  try {
    const code = await swarmSpawn({ spec, args, options: given, flags, io, out });
    return { code, ...written, dataDir };
  } catch (cause) {
    const said = cause instanceof CliError ? cause.problem : await problemOfCause(cause);
    out.problem(said);
    return { code: exitOf(said, 130), ...written, dataDir };
  }
};

const parsed = (words: readonly string[]) => {
  const given = new Map<string, string[]>();
  const args: string[] = [];
  const globals = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const flag = word.slice(2);
    if (GLOBALS[word] !== undefined) Object.assign(globals, GLOBALS[word]);
    else if (!word.startsWith('--')) args.push(word);
    else if (SWITCHES.has(flag)) given.set(flag, ['true']);
    else {
      at += 1;
      given.set(flag, [...(given.get(flag) ?? []), words[at] ?? '']);
    }
  }
  return { args, given, globals };
};
