/** `ifab contract check`: a contract is checked where it is written, without a fabric; with its module, in the sandbox. */
import { readContractFile } from '../chassis/load-contract.ts';
import { admitted } from '../chassis/local-module.ts';
import { readModuleFile } from '../chassis/module-file.ts';
import { withSandbox } from '../chassis/sandbox.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { pairs } from '../output/terminal.ts';
import type { PlanIssue } from '../plans/index.ts';
import { renderIssues } from '../plans/index.ts';
import type { ServiceContract } from '@infrafabric/protocol';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

/** Exits 1 where the file is no contract, or is not the contract of the module. Writes nothing. */
export const checkContract: CommandRun = async (context) => {
  const { io, args } = context;
  const { name, read } = await readContractFile(io, args[0] ?? '-');
  if (read.kind === 'refused') return say(context, name, read.issues);
  const module = optionOf(context, 'module');
  const { contract } = read;
  const issues = module === undefined ? [] : await moduleIssues(context, contract, module);
  return say(context, name, issues, contract);
};

const say = (
  { out }: CommandContext,
  file: string,
  issues: readonly PlanIssue[],
  contract?: ServiceContract,
): number => {
  const ok = issues.length === 0;
  out.data({ file, ok, issues, ...(contract === undefined ? {} : { contract }) }, (terminal) => {
    if (!ok) return renderIssues(issues, { width: terminal.width, whole: 'the contract' });
    if (contract === undefined) return '';
    const { provider, version, swarmId, module, http, secrets, minLevel } = contract;
    return pairs(terminal, [
      ['contract', 'it can be accepted', 'green'],
      ['of', `${provider} ${version}, for ${swarmId}`],
      ['module', `${module.digest} (${module.abi})`],
      ['entrypoints', module.entrypoints.join(', ')],
      ['may call', http.map(({ alias, origin }) => `${alias} ${origin}`).join(', ') || 'nobody'],
      ['with the secrets', secrets.map(({ alias, ref }) => `${alias} ${ref}`).join(', ')],
      ['level', `${minLevel} at least`],
    ]);
  });
  return ok ? EXIT_DONE : EXIT_NO;
};

const moduleIssues = async (
  context: CommandContext,
  contract: ServiceContract,
  path: string,
): Promise<readonly PlanIssue[]> => {
  const file = await readModuleFile(context.io.cwd, path);
  if (file.digest !== contract.module.digest) {
    return [
      {
        path: 'module.digest',
        line: undefined,
        what: `it is not the digest of ${path}`,
        mend: `write ${file.digest}`,
      },
    ];
  }
  const refusal = await withSandbox(context, { blankRunners: 0 }, (host) =>
    admitted(host, { contract, bytes: file.bytes }),
  );
  if (refusal === undefined) return [];
  return [
    { path: 'module', line: undefined, what: refusal.reason, mend: 'see docs/guides/guests.md' },
  ];
};
