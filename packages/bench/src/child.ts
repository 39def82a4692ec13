/** Child processes of a bench: started with the sources' condition, ended by their own id, never left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export const NODE_FLAGS = ['--conditions=source', '--disable-warning=ExperimentalWarning'];

/** A child that has not said that it is ready by then hangs, ms. */
const READY_MS_MAX = 20_000;
/** After this a child that was asked to end is killed, ms. */
const END_MS_MAX = 5_000;

export interface Child {
  readonly process: ChildProcess;
  /** What followed `ready` on the first line. */
  readonly words: readonly string[];
  /** Asks it to end and waits. */
  end(): Promise<void>;
}

/** Starts a command and waits for its line `ready …`. Rejects when it ends or says nothing. */
export async function startReady(
  command: string,
  args: readonly string[],
  readyLine: RegExp = /^ready\b(.*)$/,
): Promise<Child> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const words = await readyWords(child, readyLine, command);
    return {
      process: child,
      words,
      end: async () => {
        process.off('exit', stop);
        child.kill('SIGTERM');
        const timer = setTimeout(stop, END_MS_MAX);
        await ended;
        clearTimeout(timer);
      },
    };
  } catch (cause) {
    stop();
    throw cause;
  }
}

/** The same for one of our own scripts. */
export const startScript = (path: string, args: readonly string[]): Promise<Child> =>
  startReady(process.execPath, [...NODE_FLAGS, path, ...args]);

const readyWords = (
  child: ChildProcess,
  readyLine: RegExp,
  command: string,
): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} is not ready`)), READY_MS_MAX);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended: ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = readyLine.exec(line);
      if (found === null) return;
      clearTimeout(timer);
      resolve((found[1] ?? '').trim().split(' '));
    });
  });
