/** What a module has to export, by ABI. */
import type { AdmitHeader } from '../words.ts';
import { quoted, Refusal } from './refusal.ts';
import { KIND, type ModuleShape } from './shape.ts';
import { signatureAt } from './types.ts';

interface Interface {
  /** Signatures that an entrypoint may have. */
  readonly entrypoint: readonly string[];
  /** Functions beside the entrypoints. */
  readonly functions: ReadonlyMap<string, string>;
  /** Functions that need not be there, and are of this signature if they are. */
  readonly optional: ReadonlyMap<string, string>;
  readonly memory: boolean;
}

const INTERFACES: Readonly<Record<'extism' | 'json' | 'wasi', Interface>> = {
  /** Input and output go through the kernel's arena; the result is an exit code, and none is 0. */
  extism: {
    entrypoint: ['-> i32', '->'],
    functions: new Map(),
    optional: new Map(),
    memory: false,
  },
  /** `run(pointer, length)` gives pointer << 32 | length of its JSON, which `dealloc(pointer, length)` frees where there is one. */
  json: {
    entrypoint: ['i32 i32 -> i64'],
    functions: new Map([['alloc', 'i32 -> i32']]),
    optional: new Map([['dealloc', 'i32 i32 ->']]),
    memory: true,
  },
  /** A command: stdin to stdout, its end by `proc_exit` or by returning. */
  wasi: { entrypoint: ['->', '-> i32'], functions: new Map(), optional: new Map(), memory: false },
};

const MEMORY_EXPORT = 'memory';

/** Refuses a module whose entrypoints are missing, no functions, or of a signature that its ABI has no call for. */
export const entrypointsPresent = (
  bytes: Uint8Array,
  shape: ModuleShape,
  {
    abi,
    entrypoints,
  }: { readonly abi: 'extism' | 'json' | 'wasi' } & Pick<AdmitHeader, 'entrypoints'>,
): void => {
  const expected = INTERFACES[abi];
  for (const entrypoint of entrypoints)
    exported(bytes, shape, { name: entrypoint, signatures: expected.entrypoint });
  for (const [name, signature] of expected.functions)
    exported(bytes, shape, { name, signatures: [signature] });
  for (const [name, signature] of expected.optional)
    if (shape.exports.has(name)) exported(bytes, shape, { name, signatures: [signature] });
  if (expected.memory && shape.exports.get(MEMORY_EXPORT)?.kind !== KIND.memory)
    throw new Refusal(
      'export-missing',
      `Modules of ${abi} have to export their memory as ${quoted(MEMORY_EXPORT)}.`,
      bytes.length,
    );
};

const exported = (
  bytes: Uint8Array,
  shape: ModuleShape,
  { name, signatures }: { readonly name: string; readonly signatures: readonly string[] },
): void => {
  const found = shape.exports.get(name);
  if (found === undefined)
    throw new Refusal('entrypoint-missing', `It exports no ${quoted(name)}.`, bytes.length);
  const type = found.kind === KIND.function ? shape.functions[found.index] : undefined;
  if (type === undefined)
    throw new Refusal('entrypoint-kind', `Export ${quoted(name)} is no function.`, bytes.length);
  const signature = signatureAt(bytes, shape.types[type] ?? 0);
  if (!signatures.includes(signature))
    throw new Refusal(
      'entrypoint-signature',
      `Export ${quoted(name)} is (${signature}); it has to be (${signatures.join(') or (')}).`,
      bytes.length,
    );
};
