/**
 * Admission: whether a module may be compiled at all. It reads the bytes and compiles nothing, because compiling is what
 * most bombs wait for. Valid is not its question (the engine's validator has the last word, and must be asked before any
 * rewriting); small, plain and linked to nothing unknown is.
 *
 * A3  It takes time and memory linear in the bytes it reads, and ends with a verdict whatever they are.
 * A4  It is stricter than an engine, never more lenient in what is linked or how large it may be.
 */
import type { AdmitHeader, Verdict } from '../words.ts';
import { entrypointsPresent } from './entrypoints.ts';
import { importsAllowed } from './imports.ts';
import { MEMORY_PAGES_MAX, MODULE_BYTES_MAX, SCRIPT_BYTES_MAX } from './limits.ts';
import { readModule } from './module.ts';
import { atMost, Refusal } from './refusal.ts';

/** Grows with every change of a verdict: verdicts are kept by digest, header and this. */
export const ADMISSION_VERSION = 1;

/**
 * Judges a module: a WebAssembly binary, or for `js` a script in UTF-8.
 *
 * Never throws. A refusal names a `RefusalCode`, the figure and its limit, and the byte that it is about. Names in
 * `imports` and `exports` are the guest's words; those in `reason` are quoted and plain ASCII.
 */
export const admitModule = (bytes: Uint8Array, header: AdmitHeader): Verdict => {
  const { abi } = header;
  try {
    return abi === 'js' ? admitScript(bytes) : admitBinary(bytes, { ...header, abi });
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { ok: false, code: thrown.code, reason: thrown.message, offset: thrown.offset };
  }
};

type BinaryHeader = AdmitHeader & { readonly abi: 'extism' | 'json' | 'wasi' };

const admitBinary = (bytes: Uint8Array, header: BinaryHeader): Verdict => {
  atMost(
    { most: MODULE_BYTES_MAX, code: 'module-too-large', of: 'bytes' },
    bytes.length,
    MODULE_BYTES_MAX,
  );
  const shape = readModule(bytes, { pagesMax: header.memoryPagesMax ?? MEMORY_PAGES_MAX });
  if (shape.startOffset !== undefined && !header.allowStart)
    throw new Refusal(
      'start-function',
      'It has a start function, which its contract does not allow.',
      shape.startOffset,
    );
  importsAllowed(bytes, shape, header);
  entrypointsPresent(bytes, shape, header);
  return {
    ok: true,
    memoryPages: shape.memoryPages,
    functions: shape.functions.length - shape.importedFunctions,
    imports: shape.imports.map(({ module, name }) => `${module}.${name}`),
    exports: [...shape.exports.keys()],
  };
};

const admitScript = (bytes: Uint8Array): Verdict => {
  atMost(
    { most: SCRIPT_BYTES_MAX, code: 'script-too-large', of: 'bytes' },
    bytes.length,
    SCRIPT_BYTES_MAX,
  );
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal('bad-utf8', 'The script is not UTF-8.', 0);
  }
  return { ok: true, memoryPages: 0, functions: 0, imports: [], exports: [] };
};
