/** `ifab serve`: the fabric of a data folder, in the foreground, until it is asked to end. */
import { readConfig } from '@infrafabric/fabric';
import type { Fault } from '@infrafabric/fabric';
import { EXIT_DONE, EXIT_OF_REMEDY } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { jsonLog } from '../server/json-log.ts';
import { configInputs } from '../server/config-inputs.ts';
import { startFabric } from '../server/start-fabric.ts';
import type { RunningFabric } from '../server/start-fabric.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { pairs } from '../output/terminal.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export const serve: CommandRun = async (context) => {
  const { io, out, flags } = context;
  const { config, unknownEnv } = readConfig(configInputs(context));
  if (config.journal.kind !== 'file') {
    throw cliError(
      'cli.usage',
      `ifab serve keeps its log in files, and journal is ${config.journal.kind}`,
      'See where that comes from: ifab config explain journal',
    );
  }
  // A person at the terminal reads our own lines; a collector wants every one.
  const least = io.stderr.isTerminal && config.logLevel === 'info' ? 'warn' : config.logLevel;
  const log = jsonLog(io.stderr, flags.quiet ? 'error' : least);
  for (const name of unknownEnv.filter((one) => !OWN_VARIABLES.has(one))) {
    out.note(`${name} is set, and no setting has this name`);
  }
  if (!LOOPBACK.has(config.listenHost)) {
    out.note(
      `${config.listenHost} is not loopback: everybody who reaches this port may try tokens`,
    );
  }
  const fatal = Promise.withResolvers<Fault>();
  const running = await startFabric({
    config,
    log,
    stderr: io.stderr,
    onFatal: fatal.resolve,
  });
  announce(context, running, config.journal.durability);
  const ended = await Promise.race([fatal.promise, interruption(io.interrupted)]);
  if (ended !== undefined) {
    // Crash-only: what the disk has is the truth, and nothing may be written behind it.
    out.problem({
      code: ended.code,
      remedy: 'retry-later',
      detail: ended.detail,
      next: 'Check the disk, then start again: ifab serve',
    });
    return EXIT_OF_REMEDY['retry-later'];
  }
  out.note('stopping: finishing what is under way');
  await running.close();
  return EXIT_DONE;
};

/** Variables of the command line that are no settings of the fabric. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  'IFAB_TOKEN_FILE',
  'IFAB_SESSION',
  'IFAB_FENCING_TOKEN',
]);

const interruption = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });

const announce = ({ out }: CommandContext, running: RunningFabric, durability: string): void => {
  const { url, origin, dataDir, tokenPath, isNew, fabric } = running;
  const { realm } = fabric;
  const said = { url, pid: process.pid, realm, origin, durability, dataDir, tokenPath, isNew };
  out.data(said, (terminal) =>
    pairs(terminal, [
      ['fabric', url, 'bold'],
      ['realm', `${realm} (${origin})`],
      ['data', dataDir],
      [
        'durability',
        durability === 'fsync' ? 'fsync: survives a power cut' : 'os: survives this process only',
      ],
      ['token', isNew ? `new operator token in ${tokenPath}, readable by you only` : tokenPath],
      ['mcp', `${url}/mcp`],
      ['next', 'in another terminal: ifab plan submit FILE, then ifab status'],
    ]),
  );
};
