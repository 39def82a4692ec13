/** `ifab run` for tests: in this process where its answer counts, as a process where it is killed. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Evidence } from '@infrafabric/protocol';
import type { Io } from '../../packages/cli/src/io.ts';
import { main } from '../../packages/cli/src/main.ts';

export const root = dirname(dirname(import.meta.dirname));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stdout, as JSON. */
  readonly summary: RunLine;
  /** Events before it. */
  readonly events: readonly RunLine[];
}

/** A line of `--json`, with what tests read of it. */
export interface RunLine {
  readonly type?: string;
  readonly taskId?: string;
  readonly fence?: number;
  readonly reason?: string;
  readonly cause?: string;
  readonly artifact?: { readonly name: string };
  readonly evidence?: Evidence;
  readonly status?: string;
  readonly completed?: number;
  readonly doneBefore?: number;
  readonly left?: readonly string[];
}

export interface IfabOptions {
  readonly interrupt?: AbortController;
  readonly stdin?: string;
}

/** A folder with a data folder and a plan in it. */
export class RunFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'ifab-run-'));
  readonly dataDir = join(this.folder, 'data');
  readonly marks = join(this.folder, 'marks');

  constructor() {
    mkdirSync(this.marks);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  plan(plan: {
    readonly id?: string;
    readonly tasks: readonly unknown[];
    readonly phases?: readonly unknown[];
  }): string {
    const path = join(this.folder, 'plan.json');
    writeFileSync(path, JSON.stringify({ format: 'ifab-plan/1', id: 'p', ...plan }));
    return path;
  }

  /** Lines that commands wrote into a file of `marks`: what was really done, and how often. */
  lines(name: string): readonly string[] {
    try {
      return readFileSync(join(this.marks, name), 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }

  /** `ifab <words> --json` in this process. */
  async ifab(
    words: readonly string[],
    { interrupt = new AbortController(), stdin = '' }: IfabOptions = {},
  ): Promise<Ran> {
    const text = { stdout: '', stderr: '' };
    const sink = (name: keyof typeof text) => ({
      isTerminal: false,
      columns: 100,
      write: (part: string) => void (text[name] += part),
    });
    const io: Io = {
      env: { PATH: process.env['PATH'], HOME: this.folder, LANG: 'C.UTF-8' },
      cwd: this.folder,
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      stdinIsTerminal: false,
      readStdin: () => Promise.resolve(stdin),
      readStdinBytes: () => Promise.resolve(Buffer.from(stdin)),
      askHidden: () => Promise.resolve(Buffer.alloc(0)),
      ask: () => Promise.reject(new Error('nobody is there to ask')),
      interrupted: interrupt.signal,
    };
    const code = await main([...words, '--json', '--data-dir', this.dataDir], io);
    const lines = text.stdout
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return { code, ...text, summary: lines.at(-1) ?? {}, events: lines.slice(0, -1) };
  }

  run(plan: string, ...more: readonly string[]): Promise<Ran> {
    return this.ifab(['run', plan, ...more]);
  }

  /** A process of its own; its output is thrown away. */
  spawn(plan: string, ...more: readonly string[]): ChildProcess {
    const bin = join(root, 'packages', 'cli', 'src', 'bin.ts');
    return spawn(
      process.execPath,
      ['--conditions=source', bin, 'run', plan, '--data-dir', this.dataDir, ...more],
      { cwd: this.folder, stdio: 'ignore' },
    );
  }
}

/** Looks until it is so. Throws after `ms`. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
