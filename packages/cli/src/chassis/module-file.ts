/** A module's bytes, from a file or from the blobs of the data folder, and what they are by their own look. */
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openBlobFolder } from '@infrafabric/fabric';
import { Digest, MODULE_BYTES_MAX } from '@infrafabric/protocol';
import type { ModuleAbi } from '@infrafabric/protocol';
import { cliError } from '../output/problem.ts';
import { digestOf } from '../run/blobs.ts';

export interface ModuleFile {
  /** As messages name it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/**
 * Reads a module's file. Throws a CliError where it is larger than a module may be, or no file; the system's error where
 * it cannot be read.
 */
export const readModuleFile = async (cwd: string, path: string): Promise<ModuleFile> => {
  const file = await open(resolve(cwd, path), 'r');
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw cliError('cli.input', `${path} is no file`, 'Give a module’s file.');
    if (stat.size > MODULE_BYTES_MAX) {
      throw cliError(
        'cli.input',
        `${path} has ${stat.size} bytes; a module has ${MODULE_BYTES_MAX} at most`,
        'Build it for size, and without debug sections: docs/guides/guests.md',
      );
    }
    const bytes = await file.readFile();
    return { name: path, bytes, digest: digestOf(bytes) };
  } finally {
    await file.close();
  }
};

/** A module by its digest, from the blobs of the data folder; a word that is no digest is a file. */
export const readModule = async (
  { cwd, dataDir }: { readonly cwd: string; readonly dataDir: string },
  word: string,
): Promise<ModuleFile> => {
  const digest = Digest.safeParse(word);
  if (!digest.success) return readModuleFile(cwd, word);
  const bytes = await openBlobFolder(join(dataDir, 'blobs')).get(digest.data);
  if (bytes !== undefined) return { name: word, bytes, digest: digest.data };
  throw cliError(
    'cli.input',
    `${dataDir} holds no blob ${word}`,
    'Bring the module there: ifab chassis load FILE --contract CONTRACT',
  );
};

const WASM_MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

/**
 * How a module without a contract is linked: text is JavaScript, what names the Extism host is a plugin, what exports
 * `_start` is a WASI command, and the rest takes and gives JSON. Names are looked for as bytes: nothing is parsed here.
 */
export const guessedAbi = (bytes: Uint8Array): ModuleAbi => {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!all.subarray(0, WASM_MAGIC.length).equals(WASM_MAGIC)) return 'js';
  if (all.includes('extism:host/env')) return 'extism';
  return all.includes('_start') ? 'wasi' : 'json';
};
