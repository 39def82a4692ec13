/** `ifab witness verify` and `replay`: a log is checked by whoever holds its bytes, without the fabric that wrote it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { verifyFolder } from '@infrafabric/fabric';
import type { FolderReport, ReplayReport, VerifyFolderOptions } from '@infrafabric/fabric';
import { parseCheckpointText } from '@infrafabric/tlog';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { pairs } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { readClientSettings } from '../server/settings.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { originOf } from './log-key.ts';

export const verifyWitness: CommandRun = async (context) => {
  const [place] = context.args;
  if (place !== undefined && /^https?:\/\//.test(place)) {
    const { verifyUrl } = await import('./witness-remote.ts');
    return verifyUrl(context, place);
  }
  const levels = levelsOf(context);
  const report = await verifyFolder(folderOf(context), {
    ...(await trustOf(context)),
    levels,
    mode: context.flags.mode === 'falsify' ? 'falsify' : 'replay',
  });
  context.out.data(report, (terminal) => verifyText(report, terminal));
  if (report.ok && report.log.anchored === 'UNANCHORED') {
    context.out.note('It rests on the folder alone; name the key that you know: --log-key VKEY');
  }
  return report.ok ? EXIT_DONE : EXIT_NO;
};

export const replayWitness: CommandRun = async (context) => {
  const report = await verifyFolder(folderOf(context), {
    levels: [0, 5],
    mode: context.flags.mode === 'falsify' ? 'falsify' : 'replay',
  });
  context.out.data(report, (terminal) => verifyText(report, terminal));
  return report.ok ? EXIT_DONE : EXIT_NO;
};

/** The folder that was named, or the configured one. Throws a CliError where it holds no log. */
const folderOf = ({ args, flags, io }: CommandContext): string => {
  const [place] = args;
  const folder =
    place === undefined
      ? readClientSettings(flags, io.env, io.cwd).dataDir
      : resolve(io.cwd, place);
  if (existsSync(join(folder, 'journal'))) return folder;
  throw cliError(
    'cli.input',
    `${folder} holds no log`,
    'Name the data folder of a fabric; ifab config explain dataDir says which one is meant.',
  );
};

const levelsOf = (context: CommandContext): NonNullable<VerifyFolderOptions['levels']> => {
  const level = optionOf(context, 'level') ?? (context.flags.mode === 'falsify' ? '5' : '1');
  if (level === '0') return [0];
  if (level === '1') return [0, 1];
  if (level === '5') return [0, 1, 5];
  throw cliError('cli.usage', `there is no level ${level}`, 'Take 0, 1 or 5.');
};

/** Whom the caller trusts, by what was named on the command line. */
const trustOf = async (context: CommandContext): Promise<VerifyFolderOptions> => {
  const { io } = context;
  const read = (path: string): Promise<string> => readFile(resolve(io.cwd, path), 'utf8');
  const vkey = optionOf(context, 'log-key');
  const policy = optionOf(context, 'policy');
  const paths = context.options.get('checkpoint') ?? [];
  const held = await Promise.all(paths.map(async (path) => noteIn(await read(path), path)));
  return {
    ...(vkey === undefined ? {} : { log: { origin: originOf(vkey), vkeys: [vkey] } }),
    ...(policy === undefined ? {} : { policy: await read(policy) }),
    ...(held.length === 0 ? {} : { heldCheckpoints: held }),
  };
};

/**
 * The note in a file that was kept: as it was published, or in what `witness checkpoint --json` printed. A file that is
 * neither says nothing about the log, least of all that it was tampered with.
 */
const noteIn = (text: string, path: string): string => {
  const note = text.trimStart().startsWith('{') ? noteOfAnswer(text) : text;
  if (
    note !== undefined &&
    parseCheckpointText(note.slice(0, note.indexOf('\n\n') + 1)) !== undefined
  )
    return note;
  throw cliError(
    'cli.input',
    `${path} holds no checkpoint`,
    'Give what ifab witness checkpoint printed, as text or with --json.',
  );
};

const noteOfAnswer = (text: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('checkpoint' in value)) return undefined;
    return typeof value.checkpoint === 'string' ? value.checkpoint : undefined;
  } catch {
    return undefined;
  }
};

const verifyText = ({ ok, log, replay }: FolderReport, terminal: Terminal): string =>
  pairs(terminal, [
    ['answer', ok ? 'the log holds' : 'THE LOG DOES NOT HOLD', ok ? 'green' : 'red'],
    ['entries', log.size],
    ['root', log.root],
    ['rests on', log.anchored],
    [
      'checked',
      `${log.checkpointsChecked} checkpoints, ${log.tilesChecked} tiles` +
        (log.tilesMissing > 0 ? `, ${log.tilesMissing} missing` : ''),
    ],
    ['cosigned by', log.witnesses.join(', ')],
    ['torn tail', log.tornTailBytes > 0 ? `${log.tornTailBytes} bytes, covered by nothing` : ''],
    [
      'first bad',
      log.firstBad &&
        `entry ${log.firstBad.index}, ${log.firstBad.file}: ${log.firstBad.reason} (${log.firstBad.code})`,
      'red',
    ],
    ...(replay === undefined ? [] : replayRows(replay)),
  ]);

const replayRows = (replay: ReplayReport): Parameters<typeof pairs>[1] => [
  [
    'decided again',
    `${replay.decided} calls` +
      (replay.foldedOnly > 0 ? `, ${replay.foldedOnly} folded only (older decisions)` : ''),
  ],
  ['state hashes', `${replay.hashesCompared} compared, ${replay.hashesSkipped} skipped`],
  [
    'invariants',
    replay.invariantChecks > 0 ? `checked ${replay.invariantChecks} times over` : undefined,
  ],
  ['state', replay.stateHash],
  [
    'diverged',
    replay.diverged && `entry ${replay.diverged.index} (${replay.diverged.kind})`,
    'red',
  ],
  ['in the log', replay.diverged?.expected],
  ['computed', replay.diverged?.computed],
];
