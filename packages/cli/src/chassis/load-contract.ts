/** A contract from where a command line names it. */
import { resolve } from 'node:path';
import type { Io } from '../io.ts';
import { CliError, cliError } from '../output/problem.ts';
import { loadPlanSource } from '../plans/index.ts';
import { readContract } from './read-contract.ts';
import type { ReadContract } from './read-contract.ts';

/** Characters of a contract's file: 50 grants of each kind with the longest words have a tenth of it. */
const CONTRACT_CHARS_MAX = 1024 * 1024;

export interface ReadContractFile {
  /** As messages name it. */
  readonly name: string;
  readonly read: ReadContract;
}

export type LoadedContract = Extract<ReadContract, { readonly kind: 'contract' }>;

/** Reads a file, or standard input for `-`, and says what is wrong. Throws where there is nothing to read. */
export const readContractFile = async (
  io: Pick<Io, 'cwd' | 'readStdin'>,
  path: string,
): Promise<ReadContractFile> => {
  const name = path === '-' ? 'stdin' : path;
  const text = path === '-' ? await io.readStdin() : await textOf(resolve(io.cwd, path), path);
  if (text.length > CONTRACT_CHARS_MAX) {
    throw cliError(
      'cli.input',
      `${name} has ${text.length} characters; a contract has ${CONTRACT_CHARS_MAX} at most`,
      'Give the file of one contract.',
    );
  }
  return { name, read: readContract(text) };
};

const textOf = async (full: string, path: string): Promise<string> => {
  const source = await loadPlanSource(full);
  if (source.kind === 'text') return source.text;
  throw cliError('cli.input', `${path} is a folder`, 'Give the file of a contract.');
};

/** Throws a CliError with every issue where the file is no contract. */
export const loadContract = async (
  io: Pick<Io, 'cwd' | 'readStdin'>,
  path: string,
): Promise<LoadedContract> => {
  const { name, read } = await readContractFile(io, path);
  if (read.kind === 'contract') return read;
  const [first] = read.issues;
  const more = read.issues.length > 1 ? `, and ${read.issues.length - 1} more` : '';
  const place = first?.line === undefined ? '' : `:${first.line}`;
  const field = first === undefined || first.path === '' ? '' : `${first.path}: `;
  throw new CliError({
    code: 'cli.input',
    remedy: 'fix-request',
    detail: `${name}${place} is no contract that can be taken: ${field}${first?.what ?? ''}${more}`,
    next: `See all of it: ifab contract check ${name}`,
    facts: { issues: read.issues },
  });
};
