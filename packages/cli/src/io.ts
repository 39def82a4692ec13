/** What a command may touch of the outside, so that tests run commands in process. */
import type { Environment } from './config.ts';

export interface Sink {
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  write(text: string): void;
}

export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  /** Data, and nothing else. */
  readonly stdout: Sink;
  /** All that is not data: notes, progress, errors. */
  readonly stderr: Sink;
  readonly stdinIsTerminal: boolean;
  /** All of standard input as text. */
  readonly readStdin: () => Promise<string>;
  /** All of standard input as it is, in memory that nobody else has; cut off behind `bytesMax`. */
  readonly readStdinBytes: (bytesMax: number) => Promise<Buffer>;
  /** One line from the person at the terminal. */
  readonly ask: (question: string) => Promise<string>;
  /** The same for what the terminal must not show; the caller zeroes it. */
  readonly askHidden: (question: string) => Promise<Buffer>;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
}
