/** Cases 45 to 52: what a guest asks for that it was not given, and what it says. */
import type { Ground, Played } from './ground.ts';
import { moduleCase, playModules } from './module-case.ts';
import { breachRunner, speak } from './spoken.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

/** The cap of a run's log, and one line that says that it was cut. */
const LOG_BYTES_MAX = 64 * 1024 + 256;
const FLOOD_BYTES = 64 * 1024 * 1024;
const FLOOD_GROWTH_BYTES_MAX = 24 * 1024 * 1024;

/** Everything but line feeds and tabs that a terminal would act upon. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const plainLog = (_attack: unknown, { report }: Played): string | undefined => {
  const text = Buffer.from(report.log).toString();
  const said = text + report.detail;
  if (!text.includes('red')) return `the log is ${JSON.stringify(text.slice(0, 80))}: nothing came`;
  return CONTROL.test(said)
    ? `control characters: ${JSON.stringify(said.slice(0, 80))}`
    : undefined;
};

const floods = async (ground: Ground): Promise<Ending> => {
  const before = process.memoryUsage.rss();
  const modules = await playModules(ground, 50, ['kill', 'linker', 'pipe'], {
    look: (_attack, { report }) =>
      report.log.length > LOG_BYTES_MAX ? `a log of ${report.log.length} bytes` : undefined,
  });
  if (modules.kind === 'escaped') return modules;
  // What a broken-out guest writes where no frame is expected: node's own stderr.
  const runner = await breachRunner(ground, ['speak']);
  const { report } = await speak(ground, runner, [
    { stderrBytes: FLOOD_BYTES },
    { result: { status: 0, fuel: 0, payload: 'x' } },
  ]);
  const grown = process.memoryUsage.rss() - before;
  if (grown > FLOOD_GROWTH_BYTES_MAX) return escaped(`the parent grew by ${grown} bytes`);
  return contained(
    'pipe',
    `${modules.how}; ${FLOOD_BYTES / 1024 / 1024} MiB of stderr: ${report.cause}`,
    {
      killed: true,
    },
  );
};

const denied = { completedBy: 'linker' } as const;

export const IMPORTS: readonly ContainmentCase<Ground>[] = [
  moduleCase(45, 'files and sockets of WASI', ['linker'], denied),
  moduleCase(46, 'a folder that is open beforehand', ['linker'], denied),
  moduleCase(47, 'fd_write to other files', ['linker', 'engine'], denied),
  moduleCase(48, 'an import that nobody has', ['admission', 'linker']),
  moduleCase(49, 'escapes for terminals', ['linker'], { ...denied, look: plainLog }),
  { number: 50, name: 'a flood of log and stderr', by: ['pipe'], run: floods },
  moduleCase(51, 'arguments and environment', ['linker'], denied),
  moduleCase(52, 'http_request without a grant', ['admission', 'linker']),
];
