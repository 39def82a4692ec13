/** A policy from where a command line names it: a file, standard input, or the fabric that runs. */
import { basename, resolve } from 'node:path';
import { PolicySpec } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import type { Io } from '../io.ts';
import { CliError, cliError } from '../output/problem.ts';
import { loadPlanSource } from '../plans/index.ts';
import { readPolicy } from './read-policy.ts';
import type { Places, PolicyIssue, ReadPolicy } from './read-policy.ts';

export interface LoadedPolicy {
  /** As messages name it. */
  readonly name: string;
  readonly policy: PolicySpec;
  readonly places?: Places;
}

/** Reads, and says what is wrong. Throws a CliError where there is nothing to read. */
export const readPolicyFile = async (
  io: Pick<Io, 'cwd' | 'readStdin'>,
  path: string,
): Promise<{ readonly name: string; readonly read: ReadPolicy }> => {
  const { name, text } = await textOf(io, path);
  return { name, read: readPolicy(text, name) };
};

/** Throws a CliError with every issue where the file is no policy. */
export const loadPolicy = async (
  io: Pick<Io, 'cwd' | 'readStdin'>,
  path: string,
): Promise<LoadedPolicy> => {
  const { name, read } = await readPolicyFile(io, path);
  if (read.kind === 'policy') return { name, policy: read.policy, places: read.places };
  throw notAPolicy(name, read.issues);
};

/** The policy in force. */
export const runningPolicy = async (client: Client): Promise<LoadedPolicy> => {
  const { policy } = await client.call('policies.show', {});
  return { name: 'the policy in force', policy: PolicySpec.parse(policy) };
};

/** The text of a file, or of standard input for `-`. */
export const textOf = async (
  { cwd, readStdin }: Pick<Io, 'cwd' | 'readStdin'>,
  path: string,
): Promise<{ readonly name: string; readonly text: string }> => {
  if (path === '-') return { name: 'stdin', text: await readStdin() };
  const source = await loadPlanSource(resolve(cwd, path));
  if (source.kind === 'text') return { name: path, text: source.text };
  throw cliError('cli.input', `${basename(path)} is a folder`, 'Give the file of a policy.');
};

const notAPolicy = (name: string, issues: readonly PolicyIssue[]): CliError => {
  const [first] = issues;
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : '';
  const place = first?.line === undefined ? '' : `:${first.line}`;
  const path = first === undefined || first.path === '' ? '' : `${first.path}: `;
  return new CliError({
    code: 'cli.input',
    remedy: 'fix-request',
    detail: `${name}${place} is no policy that can be taken: ${path}${first?.what ?? ''}${more}`,
    next: `See all of it: ifab policy check ${name}`,
    facts: { issues },
  });
};
