/**
 * `ifab chassis run`: a module in the sandbox of this machine, once, without a fabric. The result is data; what it used
 * and how it ended go to stderr.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { RunReport } from '@infrafabric/fabric/chassis';
import { readConfig } from '@infrafabric/fabric';
import {
  grantOfRun,
  NO_MEASURE,
  RUN_INPUT_BYTES_MAX,
  ServiceContract,
} from '@infrafabric/protocol';
import type { RunNote } from '@infrafabric/protocol';
import { loadContract } from '../chassis/load-contract.ts';
import { withModule } from '../chassis/local-module.ts';
import type { LocalModule } from '../chassis/local-module.ts';
import { guessedAbi, readModule } from '../chassis/module-file.ts';
import type { ModuleFile } from '../chassis/module-file.ts';
import { judged } from '../chassis/output-schema.ts';
import { exitOfCause, reportText } from '../chassis/report-text.ts';
import { withSandbox } from '../chassis/sandbox.ts';
import { createTerminal } from '../output/terminal.ts';
import { cliError } from '../output/problem.ts';
import { printable } from '../plans/index.ts';
import { configInputs } from '../server/config-inputs.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { levelOf } from './chassis-levels.ts';

/** Exits as `exitOfCause` says. */
export const runModule: CommandRun = async (context) => {
  const { io, args } = context;
  const { dataDir } = readConfig(configInputs(context)).config;
  const file = await readModule({ cwd: io.cwd, dataDir }, args[0] ?? '');
  const contract = await contractOf(context, file);
  const entrypoint = optionOf(context, 'entrypoint') ?? contract.module.entrypoints[0] ?? '';
  if (!contract.module.entrypoints.includes(entrypoint)) {
    throw cliError(
      'cli.usage',
      `the contract has no entrypoint “${entrypoint}”`,
      `It has: ${contract.module.entrypoints.join(', ')}`,
    );
  }
  const input = await inputOf(context);
  const notes: RunNote[] = [];
  const wish = { entrypoint, input, use: grantsOf(context), notes };
  const ran = await withSandbox(context, { blankRunners: 0 }, (host) =>
    runOnce(context, host, { contract, bytes: file.bytes }, wish),
  );
  say(context, ran, notes);
  return exitOfCause(ran.cause);
};

interface Wish {
  readonly entrypoint: string;
  readonly input: Uint8Array;
  /** Aliases of grants that it may use. */
  readonly use: readonly string[];
  readonly notes: RunNote[];
}

const NOTHING = new Uint8Array();

const runOnce = (
  { io, out }: CommandContext,
  host: Parameters<typeof withModule>[0],
  module: LocalModule,
  { entrypoint, input, use, notes }: Wish,
): Promise<RunReport> =>
  withModule<RunReport>(host, module, {
    refused: ({ reason }) => ({
      cause: 'refused',
      output: NOTHING,
      detail: reason,
      measure: NO_MEASURE,
      log: NOTHING,
      level: host.attained().level,
    }),
    work: async (runner) => {
      const { contract } = module;
      const report = await runner.run({
        taskId: 'local/run',
        entrypoint,
        input,
        ...grantOfRun(contract, { use: [...use] }),
        signal: io.interrupted,
        onNote: (note) => notes.push(note),
        onLog: (line) => out.note(`log  ${printable(line)}`),
      });
      // A schema is a blob of the fabric; here its file is not known, and only an empty result is looked at.
      return { ...report, ...(await judged(report, undefined, async () => undefined)) };
    },
  });

/** The contract of the file that is named, else one that grants nothing. */
const contractOf = async (context: CommandContext, file: ModuleFile): Promise<ServiceContract> => {
  const path = optionOf(context, 'contract');
  const minLevel = levelOf(context, 'min-level');
  const isCounted = isSet(context, 'fuel');
  const named = path === undefined ? undefined : (await loadContract(context.io, path)).contract;
  if (named !== undefined && named.module.digest !== file.digest) {
    throw cliError(
      'cli.input',
      `${file.name} is ${file.digest}, and the contract is for ${named.module.digest}`,
      `Check it: ifab contract check ${path ?? ''} --module ${file.name}`,
    );
  }
  const contract = named ?? plainContract(context, file);
  return {
    ...contract,
    ...(minLevel === undefined ? {} : { minLevel }),
    ...(isCounted ? { deterministic: true } : {}),
  };
};

const plainContract = (context: CommandContext, { bytes, digest }: ModuleFile): ServiceContract => {
  const abi = optionOf(context, 'abi') ?? guessedAbi(bytes);
  const entrypoint = optionOf(context, 'entrypoint') ?? (abi === 'wasi' ? '_start' : 'run');
  const parsed = ServiceContract.safeParse({
    contractVersion: 1,
    provider: 'local',
    swarmId: 'local',
    version: '0.0.0',
    module: { digest, abi, entrypoints: [entrypoint] },
    hostFunctions: ['log'],
  });
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.at(-1);
  throw field === 'abi'
    ? cliError('cli.usage', `“${abi}” is no ABI`, 'Take json, extism, wasi or js.')
    : cliError('cli.usage', `“${entrypoint}” is no entrypoint`, 'Name an export of the module.');
};

/** Grants are named as a task names them: the contract alone gives a run nothing. */
const grantsOf = (context: CommandContext): readonly string[] =>
  (context.options.get('use') ?? []).flatMap((word) => word.split(',')).filter((one) => one !== '');

/** The words as they stand, a file (`@file`), or standard input (`-`); nothing where the flag is absent. */
const inputOf = async (context: CommandContext): Promise<Uint8Array> => {
  const { io } = context;
  const word = optionOf(context, 'input');
  const bytes = await bytesOf(word ?? '', io);
  if (bytes.length <= RUN_INPUT_BYTES_MAX) return bytes;
  throw cliError(
    'cli.input',
    `the input has ${bytes.length} bytes; a run takes ${RUN_INPUT_BYTES_MAX} at most`,
    'Give the module less, or what it can fetch in parts.',
  );
};

const bytesOf = async (word: string, io: CommandContext['io']): Promise<Uint8Array> => {
  if (word === '-') return Buffer.from(await io.readStdin());
  return word.startsWith('@') ? readFile(resolve(io.cwd, word.slice(1))) : Buffer.from(word);
};

const say = (
  { io, out, flags }: CommandContext,
  report: RunReport,
  notes: readonly RunNote[],
): void => {
  const { cause, detail, measure, level, output, log } = report;
  const facts = { cause, detail, measure, level, notes };
  const text = textOf(output);
  out.data(
    {
      ...facts,
      ...(text === undefined
        ? { outputBase64: Buffer.from(output).toString('base64') }
        : { output: text }),
      log: Buffer.from(log).toString('utf8'),
    },
    () => outputText(output, text),
  );
  if (out.isJson || flags.quiet) return;
  io.stderr.write(reportText(facts, createTerminal(out.terminal.colour, io.stderr.columns)));
};

/** The result as text; undefined where it is none. */
const textOf = (output: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output);
  } catch {
    return undefined;
  }
};

/** What a guest returns is a stranger's text: lines stay lines, and nothing else in it acts on a terminal. */
const outputText = (output: Uint8Array, text: string | undefined): string => {
  if (output.length === 0) return '';
  if (text === undefined) return `${output.length} bytes that are no text; --json has them\n`;
  return `${text.replace(/\n$/, '').split('\n').map(printable).join('\n')}\n`;
};
