/** The only part of reading plans that touches a disk. */
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BACKUP_FILES } from './source.ts';
import type { PlanSource } from './source.ts';

/** Bytes of one file. The largest real one, an event log of a week, has 3.6 MB. */
export const SOURCE_BYTES_MAX = 64 * 1024 * 1024;

export class PlanFileFault extends Error {
  override readonly name = 'PlanFileFault';
}

/**
 * Reads a plan's file, or a folder's tables. A folder may be the one above `.beads` or `.beads` itself.
 *
 * @throws PlanFileFault when it is not there, not readable, too large or not UTF-8.
 */
export const loadPlanSource = async (path: string): Promise<PlanSource> => {
  const full = resolve(path);
  if (!(await statOf(full)).isDirectory()) {
    return { kind: 'text', name: nameOf(full), text: await readText(full) };
  }
  const folder = (await filesOf(full)).includes('.beads') ? join(full, '.beads') : full;
  const present = await filesOf(folder);
  const files = new Map<string, string>();
  for (const name of BACKUP_FILES)
    if (present.includes(name)) files.set(name, await readText(join(folder, name)));
  return { kind: 'folder', name: nameOf(join(folder, 'issues.jsonl')), files };
};

/** `issues.jsonl` says nothing; the folder that it lies in does, unless that is `.beads`. */
const nameOf = (file: string): string => {
  const name = basename(file);
  if (name !== 'issues.jsonl') return name;
  const folder = dirname(file);
  return basename(basename(folder) === '.beads' ? dirname(folder) : folder);
};

const statOf = async (path: string) => {
  try {
    return await stat(path);
  } catch (cause) {
    throw new PlanFileFault(`${path} cannot be read`, { cause });
  }
};

const filesOf = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new PlanFileFault(`${folder} cannot be listed`, { cause });
  }
};

const readText = async (path: string): Promise<string> => {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > SOURCE_BYTES_MAX)
        throw new PlanFileFault(
          `${path} has ${size} bytes; a plan's file has ${SOURCE_BYTES_MAX} at most`,
        );
      return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof PlanFileFault) throw cause;
    throw new PlanFileFault(`${path} is not a readable UTF-8 file`, { cause });
  }
};
