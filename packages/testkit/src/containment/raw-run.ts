/**
 * Runs a program of raw system calls in the jail, in node's place: the same chain, namespaces, filter and limits as a
 * runner that is ready, by the chassis's own parts.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IsolationLayer } from '@infrafabric/protocol';
import {
  addressLimit,
  findTools,
  identityOf,
  INIT_WORDS,
  initPidOf,
  launchPlan,
  leafPid,
  librariesOf,
  lockWords,
  nodeLineOf,
  seccompFilter,
  setLimits,
} from '@infrafabric/fabric/chassis';
import { resultsOf } from './elf.ts';
import { descendantsOf, vmSizeBytes } from './proc.ts';

/** A program makes some fifty calls; after this long something hangs, ms. */
const PROGRAM_MS_MAX = 8_000;
/** Bubblewrap says what it started within this time, ms. */
const START_MS_MAX = 5_000;
const MEMORY_MIB = 64;
/** The seat of a user of its own, where there are no namespaces: past those of a host's runners. */
const SEAT = 490;

export interface RawEnd {
  /** Of the calls that were answered, in order. */
  readonly results: readonly number[];
  /** Exit code of the chain; 159 where a signal of the filter (SIGSYS) ended the program. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Processes that it had beside itself at some moment. */
  readonly children: number;
}

export interface RawJail {
  /** Node, as the program sees it: something to execute. */
  readonly executable: string;
  /** Runs the executable's bytes; `go` starts the calls once the limits are set. */
  run(executable: Uint8Array): Promise<RawEnd>;
  close(): Promise<void>;
}

/**
 * @param node whose file is shown in the jail beside the program, with its libraries, as something to execute
 */
export const openRawJail = async (
  node: string,
  layers: ReadonlySet<IsolationLayer>,
): Promise<RawJail> => {
  const folder = await mkdtemp(join(tmpdir(), 'ifab-raw-'));
  await chmod(folder, 0o755);
  const tools = await findTools();
  const libraries = await librariesOf(node, tools.ldd);
  const filterFile = join(folder, 'filter.bpf');
  await writeFile(filterFile, seccompFilter(process.arch) ?? new Uint8Array());
  const executed = join(folder, 'node');
  await copyFile(node, executed);
  await chmod(executed, 0o755);
  const identity = identityOf(layers, process.getuid?.() === 0, SEAT);
  let count = 0;

  const run = async (executable: Uint8Array): Promise<RawEnd> => {
    const file = join(folder, `program-${(count += 1)}`);
    await writeFile(file, executable, { mode: 0o755 });
    const plan = launchPlan({
      layers,
      tools,
      node: file,
      nodeLine: nodeLineOf(process.version) ?? { major: 24, minor: 0 },
      libraries,
      runnerFile: executed,
      memoryMib: MEMORY_MIB,
      lifeS: 20,
      identity,
    });
    const filter = plan.takesFilter ? openSync(filterFile, 'r') : undefined;
    const child = spawn(plan.file, plan.args, {
      stdio: ['pipe', 'pipe', 'pipe', filter ?? 'ignore', plan.saysStatus ? 'pipe' : 'ignore'],
      env: {},
    });
    if (filter !== undefined) closeSync(filter);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let status = '';
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
    child.stdio[4]?.on('data', (bytes: Buffer) => (status += bytes.toString()));
    child.stdin?.on('error', () => {});
    // What a wrapper says of a signal and what the kernel says of one are the same number.
    const ended = new Promise<number>((resolve) =>
      child.once('close', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      ),
    );
    const limit = setTimeout(() => child.kill('SIGKILL'), PROGRAM_MS_MAX);
    try {
      const leaf = await waitFor(() => leafPid(plan, child.pid ?? 0, status));
      await waitFor(async () => {
        const bytes = await readFile(`/proc/${leaf}/cmdline`, 'utf8');
        // Until it has become the program it is still bubblewrap, or timeout.
        if (!bytes.startsWith(plan.saysStatus ? '/usr/bin/node' : file)) throw new Error(bytes);
      });
      if (layers.has('rlimits')) {
        const words = lockWords(addressLimit(await vmSizeBytes(leaf), MEMORY_MIB), {
          softS: 5,
          hardS: 6,
        });
        await setLimits({ pid: leaf, identity, tools }, words);
        const init = initPidOf(status);
        if (init !== undefined) await setLimits({ pid: init, identity, tools }, INIT_WORDS);
      }
      const before = (await descendantsOf(leaf)).length;
      let children = 0;
      child.stdin?.end('g');
      const poll = setInterval(() => {
        void descendantsOf(leaf).then(
          (found) => (children = Math.max(children, found.length - before)),
          () => {},
        );
      }, 5);
      const code = await ended;
      clearInterval(poll);
      const output = Buffer.concat(stdout);
      return {
        results: resultsOf(output),
        code,
        stdout: output,
        stderr: Buffer.concat(stderr).toString(),
        children,
      };
    } finally {
      clearTimeout(limit);
      child.kill('SIGKILL');
      child.stdin?.destroy();
      await ended;
    }
  };
  return {
    executable: layers.has('namespaces') ? '/app/runner' : executed,
    run,
    close: () => rm(folder, { recursive: true, force: true }),
  };
};

const waitFor = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (const until = performance.now() + START_MS_MAX; ;) {
    try {
      return await ask();
    } catch (cause) {
      if (performance.now() > until) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
};
