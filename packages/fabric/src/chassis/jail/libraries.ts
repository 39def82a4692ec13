/** What node needs beside itself inside a mount namespace: its interpreter and its shared libraries. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Fault } from '../../fault.ts';

/** `ldd` answers in milliseconds; after this long it hangs, ms. */
const LDD_MS_MAX = 10_000;

const run = promisify(execFile);
/** By path, time of change and size of the program: an upgrade is another program. */
const known = new Map<string, Promise<readonly string[]>>();

/**
 * Absolute paths of the libraries of a program, its dynamic loader among them; empty where it is linked statically.
 * Throws a Fault `runner.unavailable` where a library is missing or `ldd` cannot be run.
 */
export const librariesOf = async (
  program: string,
  ldd: string | undefined,
): Promise<readonly string[]> => {
  const { mtimeMs, size } = await stat(program);
  const key = `${program}\0${mtimeMs}\0${size}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const asked = askLdd(program, ldd);
  known.set(key, asked);
  asked.catch(() => known.delete(key));
  return asked;
};

const askLdd = async (program: string, ldd: string | undefined): Promise<readonly string[]> => {
  const refuse = (detail: string, cause?: unknown): Fault =>
    new Fault('runner.unavailable', { transient: false, detail, cause });
  if (ldd === undefined) throw refuse('there is no ldd to name the libraries of node');
  try {
    const { stdout } = await run(ldd, [program], { timeout: LDD_MS_MAX, env: { LC_ALL: 'C' } });
    const { paths, missing } = readLdd(stdout);
    if (missing.length > 0) throw refuse(`libraries of ${program} missing: ${missing.join(', ')}`);
    return paths;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    // glibc's and musl's answer to a static program is an exit status and these words.
    if (isStaticallyLinked(cause)) return [];
    throw refuse(`ldd ${program}`, cause);
  }
};

/**
 * The lines of `ldd`: `name => /path (0x…)`, `/path (0x…)` for the loader, `name => not found`, and a virtual object of
 * the kernel that has no file.
 */
export const readLdd = (
  text: string,
): { readonly paths: readonly string[]; readonly missing: readonly string[] } => {
  const paths = new Set<string>();
  const missing: string[] = [];
  for (const line of text.split('\n')) {
    const [, path] = /(?:^\s*|=>\s+)(\/\S+)(?:\s+\(0x[0-9a-f]+\))?\s*$/.exec(line) ?? [];
    if (path !== undefined) paths.add(path);
    const [, name] = /^\s*(\S+)\s+=>\s+not found/.exec(line) ?? [];
    if (name !== undefined) missing.push(name);
  }
  return { paths: [...paths], missing };
};

const STATIC = /not a dynamic executable|statically linked|not a valid dynamic program/i;

const isStaticallyLinked = (cause: unknown): boolean =>
  cause instanceof Error &&
  STATIC.test(
    ['stdout', 'stderr'].map((name) => String(Reflect.get(cause, name) ?? '')).join('\n'),
  );
