/** A line from a person at the terminal which the terminal does not show: passwords, tokens. */
import { cliError } from './output/problem.ts';

/** What the keys did so far. */
export type Typed = 'more' | 'done' | 'interrupted';

/** A pasted key or token is shorter; what does not fit is no line. */
const LINE_BYTES_MAX = 65_536;

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const CTRL_U = 0x15;
const ESCAPE = 0x1b;
const ENDS: ReadonlySet<number> = new Set([CTRL_D, 0x0a, 0x0d]);
const ERASES: ReadonlySet<number> = new Set([0x08, 0x7f]);

/** The keys of a terminal in raw mode, and the line that they make. */
export class HiddenLine {
  #bytes = Buffer.from(new ArrayBuffer(LINE_BYTES_MAX));
  #length = 0;
  /** Behind an escape: `[` opens a sequence such as an arrow key, which is no text. */
  #escape: 'none' | 'begun' | 'sequence' = 'none';

  /** Takes what came and zeroes it. Behind the end of the line nothing is looked at. */
  feed(keys: Buffer): Typed {
    let typed: Typed = 'more';
    for (const key of keys) {
      typed = this.#press(key);
      if (typed !== 'more') break;
    }
    keys.fill(0);
    return typed;
  }

  /** The line in memory of its own; nothing is left here. */
  take(): Buffer {
    // Outside V8's heap, where no collector moves it and leaves copies behind.
    const line = Buffer.from(new ArrayBuffer(this.#length));
    this.#bytes.copy(line, 0, 0, this.#length);
    this.clear();
    return line;
  }

  clear(): void {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
  }

  #press(key: number): Typed {
    if (key === CTRL_C) return 'interrupted';
    if (this.#isInSequence(key)) return 'more';
    if (ENDS.has(key)) return 'done';
    if (key === CTRL_U) this.clear();
    else if (ERASES.has(key)) this.#erase();
    else if (key >= 0x20 && this.#length < LINE_BYTES_MAX) {
      this.#bytes[this.#length] = key;
      this.#length += 1;
    }
    return 'more';
  }

  #isInSequence(key: number): boolean {
    switch (this.#escape) {
      case 'none':
        if (key === ESCAPE) this.#escape = 'begun';
        return key === ESCAPE;
      case 'begun':
        // CSI and SS3 (ECMA-48 §5.3): parameters follow, then one byte from @ on.
        this.#escape = key === 0x5b || key === 0x4f ? 'sequence' : 'none';
        return true;
      case 'sequence':
        if (key >= 0x40) this.#escape = 'none';
        return true;
    }
  }

  /** The last character: UTF-8 continues with bytes 10xxxxxx. */
  #erase(): void {
    let isContinued = true;
    while (isContinued && this.#length > 0) {
      this.#length -= 1;
      isContinued = ((this.#bytes[this.#length] ?? 0) & 0xc0) === 0x80;
      this.#bytes[this.#length] = 0;
    }
  }
}

/** What is needed of this process; a test brings a pseudo-terminal's. */
interface TerminalEnds {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: Pick<NodeJS.WriteStream, 'write'>;
}

/** Asks on stderr. Rejects with a CliError `cli.interrupted` at Ctrl-C and when the signal aborts. */
export const askHiddenLine = async (
  { stdin, stderr }: TerminalEnds,
  question: string,
  signal: AbortSignal,
): Promise<Buffer> => {
  const line = new HiddenLine();
  // First the mode: who sees the question types, and until then the terminal shows what is typed.
  stdin.setRawMode(true);
  try {
    stderr.write(question);
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        reject(cliError('cli.interrupted', 'interrupted', 'Nothing was done.'));
      };
      signal.addEventListener('abort', stop, { once: true });
      stdin.on('data', (keys: Buffer) => {
        const typed = line.feed(keys);
        if (typed === 'done') resolve();
        if (typed === 'interrupted') stop();
      });
      stdin.on('end', resolve);
      stdin.resume();
    });
    return line.take();
  } finally {
    line.clear();
    stdin.removeAllListeners('data').removeAllListeners('end');
    stdin.pause();
    stdin.setRawMode(false);
    stderr.write('\n');
  }
};
