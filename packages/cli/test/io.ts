/** An `Io` that keeps what was written: commands run in the test's own process. */
import type { Environment } from '../src/config.ts';
import type { Io } from '../src/io.ts';
import { main } from '../src/main.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  readonly stdin?: string | Buffer;
  /** A person sits there; `answers` are what they type. */
  readonly terminal?: boolean;
  readonly answers?: readonly string[];
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** Told of each write to stdout. */
  readonly onStdout?: (text: string) => void;
}

export const run = async (words: readonly string[], options: RunOptions = {}): Promise<Ran> => {
  const written = { stdout: '', stderr: '' };
  const { terminal = false, columns = 80 } = options;
  const answers = [...(options.answers ?? [])];
  const io: Io = {
    env: options.env ?? {},
    cwd: options.cwd ?? '/nowhere',
    stdout: {
      isTerminal: terminal,
      columns,
      write: (text) => {
        written.stdout += text;
        options.onStdout?.(text);
      },
    },
    stderr: {
      isTerminal: terminal,
      columns,
      write: (text) => {
        written.stderr += text;
      },
    },
    stdinIsTerminal: terminal,
    readStdin: async () => (options.stdin ?? '').toString(),
    readStdinBytes: async (bytesMax) => Buffer.from(options.stdin ?? '').subarray(0, bytesMax),
    ask: async (question) => {
      written.stderr += question;
      return answers.shift() ?? '';
    },
    askHidden: async (question) => {
      written.stderr += question;
      return Buffer.from(answers.shift() ?? '');
    },
    interrupted: options.signal ?? new AbortController().signal,
  };
  const code = await main(words, io);
  return { code, ...written };
};

/** The JSON values of a stream, one a line. */
export const lines = (text: string): readonly unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));

/** The one JSON value that was written. */
export const json = (text: string): unknown => {
  const values = lines(text);
  if (values.length !== 1) throw new Error(`${values.length} values where one was expected`);
  return values[0];
};
