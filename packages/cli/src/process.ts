/** This process as an `Io`: its streams, its terminal, its signals. */
import { currentEnvironment } from './config.ts';
import { bytesUpTo } from './stdin-bytes.ts';
import type { Io, Sink } from './io.ts';
import { main } from './main.ts';
import { EXIT_INTERRUPTED } from './output/exit.ts';

const COLUMNS_DEFAULT = 80;

/** Runs the words and ends the process with their exit code, once all that was written has gone out. */
export const runProcess = async (words: readonly string[]): Promise<void> => {
  silenceExperiments();
  const interrupt = new AbortController();
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1;
      interrupt.abort();
      // The first asks the command to end in order; who asks again does not want to wait.
      if (signals > 1) process.exit(EXIT_INTERRUPTED);
    });
  }
  // The reader of a pipe that has gone, as in `ifab events | head -1`, has what it wanted.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') process.exit(0);
    throw cause;
  });
  const code = await main(words, terminalIo(interrupt.signal));
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
};

const terminalIo = (interrupted: AbortSignal): Io => ({
  env: currentEnvironment(),
  cwd: process.cwd(),
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  stdinIsTerminal: process.stdin.isTTY,
  readStdin: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  },
  readStdinBytes: (bytesMax) => bytesUpTo(process.stdin, bytesMax),
  ask: async (question) => {
    const { createInterface } = await import('node:readline/promises');
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await reader.question(question, { signal: interrupted });
    } finally {
      reader.close();
    }
  },
  askHidden: async (question) =>
    (await import('./hidden-line.ts')).askHiddenLine(process, question, interrupted),
  interrupted,
});

const sink = (stream: NodeJS.WriteStream): Sink => ({
  isTerminal: stream.isTTY,
  get columns() {
    return stream.columns ?? COLUMNS_DEFAULT;
  },
  write: (text) => {
    stream.write(text);
  },
});

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });

/** `node:sqlite` says at every start that it is experimental; nobody at a terminal can act on it. */
const silenceExperiments = (): void => {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning')
      process.stderr.write(`${warning.name}: ${warning.message}\n`);
  });
};
