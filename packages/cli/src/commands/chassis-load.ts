/**
 * `ifab chassis load`: a module and its contract into a fabric. It is admitted in the sandbox of this machine first; then
 * its bytes are stored, the verdict is written down, and the contract is accepted.
 */
import type { RunnerHost } from '@infrafabric/fabric/chassis';
import { SwarmId } from '@infrafabric/protocol';
import type { Digest, OutputOf, ServiceContract } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { bytesText } from '../chassis/report-text.ts';
import { loadContract } from '../chassis/load-contract.ts';
import type { LoadedContract } from '../chassis/load-contract.ts';
import { admitted } from '../chassis/local-module.ts';
import { readModuleFile } from '../chassis/module-file.ts';
import type { ModuleFile } from '../chassis/module-file.ts';
import { memoryMibOfModel } from '../chassis/model-memory.ts';
import { withSandbox } from '../chassis/sandbox.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { CliError, cliError } from '../output/problem.ts';
import { pairs } from '../output/terminal.ts';
import { storeBlob } from '../run/blobs.ts';
import { verdictOf } from '../run/chassis-of-lease.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { callOperation } from './call.ts';

/** Nothing is stored or accepted unless the module is the contract's and passes admission. */
export const loadModule: CommandRun = async (context) => {
  const { io, args, flags } = context;
  const path = optionOf(context, 'contract');
  if (path === undefined)
    throw cliError('cli.usage', '--contract is missing', 'Name the file: ifab help chassis load');
  const written = await loadContract(io, path);
  const module = await readModuleFile(io.cwd, args[0] ?? '');
  const { digest } = written.contract.module;
  if (module.digest !== digest) {
    throw cliError(
      'cli.input',
      `${module.name} is ${module.digest}, and ${path} is for ${digest}`,
      `Write its digest into the contract: ifab contract check ${path} --module ${module.name}`,
    );
  }
  const blobs = await Promise.all(
    (context.options.get('blob') ?? []).map((name) => readModuleFile(io.cwd, name)),
  );
  const contract = await forSwarm(context, written);
  const refusal = await withSandbox(context, { blankRunners: 0 }, (host: RunnerHost) =>
    admitted(host, { contract, bytes: module.bytes }),
  );
  if (refusal?.isVerdict === false) throw refused(module, refusal.reason);
  if (flags.dryRun) {
    if (refusal !== undefined) throw refused(module, refusal.reason);
    return sayPlan(context, module, contract);
  }
  return withClient(context, async ({ client, target }) => {
    const store = (bytes: Uint8Array) =>
      storeBlob({ url: target.url, token: () => target.token }, bytes);
    // What was refused is written down, too: a module that was tried is a fact of the realm.
    if (refusal === undefined) for (const { bytes } of [module, ...blobs]) await store(bytes);
    await record(context, client, { module, contract, reason: refusal?.reason });
    if (refusal !== undefined) throw refused(module, refusal.reason);
    const { output } = await callOperation(context, client, 'contracts.accept', { contract });
    // The fabric made the output with the schema of this very operation.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const accepted = output as OutputOf<'contracts.accept'>;
    say(context, { module, contract, changed: accepted.changed, blobs });
    return EXIT_DONE;
  });
};

/**
 * The contract, for the swarm that `--swarm` names instead of its own; where its file names no memory, with what the
 * swarm's model gets. A dry run asks nobody: it keeps the default.
 */
const forSwarm = async (
  context: CommandContext,
  { contract, namesMemory }: LoadedContract,
): Promise<ServiceContract> => {
  const named = { ...contract, swarmId: swarmOf(context, contract) };
  if (namesMemory) return named;
  if (context.flags.dryRun) {
    context.out.note('memory: the default; a load gives what the model of the swarm gets');
    return named;
  }
  const { model } = await withClient(context, ({ client }) =>
    showSwarm(context, client, named.swarmId),
  );
  return { ...named, limits: { ...named.limits, memoryMibMax: memoryMibOfModel(model) } };
};

const swarmOf = (context: CommandContext, { swarmId }: ServiceContract): SwarmId => {
  const word = optionOf(context, 'swarm');
  if (word === undefined) return swarmId;
  const named = SwarmId.safeParse(word);
  if (named.success) return named.data;
  throw cliError('cli.usage', `“${word}” is no swarm`, 'See which there are: ifab swarm list');
};

const showSwarm = async (
  context: CommandContext,
  client: Client,
  swarmId: SwarmId,
): Promise<OutputOf<'swarms.show'>> => {
  const { output } = await callOperation(unkeyed(context), client, 'swarms.show', { swarmId });
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return output as OutputOf<'swarms.show'>;
};

/** `--key` names the acceptance, and no other call of this command. */
const unkeyed = (context: CommandContext): CommandContext => ({
  ...context,
  flags: { ...context.flags, key: undefined },
});

const refused = ({ name }: ModuleFile, reason: string): CliError =>
  new CliError({
    code: 'module.refused',
    remedy: 'give-up',
    detail: `${name} is not admitted: ${reason}`,
    next: 'How modules are built that are: docs/guides/guests.md',
  });

interface Recorded {
  readonly module: ModuleFile;
  readonly contract: ServiceContract;
  readonly reason: string | undefined;
}

const record = async (
  context: CommandContext,
  client: Client,
  { module, contract, reason }: Recorded,
): Promise<void> => {
  const verdict = await verdictOf({
    digest: module.digest,
    bytes: module.bytes.length,
    abi: contract.module.abi,
    admitted: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  });
  await callOperation(unkeyed(context), client, 'modules.record', verdict);
};

const sayPlan = (
  { out }: CommandContext,
  { digest, bytes }: ModuleFile,
  contract: ServiceContract,
): number => {
  const { swarmId, provider, version } = contract;
  out.data(
    { dryRun: true, module: digest, bytes: bytes.length, contract },
    () =>
      `dry run: nothing was sent; ${digest} (${bytesText(bytes.length)}) is admitted, and ${provider} ${version} would be accepted for ${swarmId}\n`,
  );
  return EXIT_DONE;
};

interface Loaded {
  readonly module: ModuleFile;
  readonly contract: ServiceContract;
  readonly changed: boolean;
  readonly blobs: readonly { readonly name: string; readonly digest: Digest }[];
}

const say = ({ out }: CommandContext, { module, contract, changed, blobs }: Loaded): void => {
  const { swarmId, provider, version } = contract;
  const { memoryMibMax } = contract.limits;
  const value = {
    module: module.digest,
    bytes: module.bytes.length,
    swarmId,
    provider,
    version,
    memoryMibMax,
    changed,
    blobs: blobs.map(({ name, digest }) => ({ name, digest })),
  };
  out.data(value, (terminal) =>
    pairs(terminal, [
      ['module', `${module.digest} (${bytesText(module.bytes.length)})`, 'bold'],
      ['contract', `${provider} ${version}, ${changed ? 'accepted' : 'was accepted already'}`],
      ['swarm', swarmId],
      ['memory', `${memoryMibMax} MiB a run at most`],
      ...blobs.map(({ name, digest }) => [name, digest] as const),
    ]),
  );
};
