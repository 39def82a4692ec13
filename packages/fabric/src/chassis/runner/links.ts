/**
 * From a module's import section to functions. Which exist is admission's table, of that only what the contract lists is
 * linked (CHASSIS §7, linking): a name that is not in it has no function here, whatever admission said of the module.
 */
import { importablesOf } from '../admission/index.ts';
import { plainText } from '../plain-text.ts';
import { GuestTrap, LinkRefusal } from './guest.ts';
import type { LoadContext } from './guest.ts';
import type { HostFunction, PdkKernel } from './pdk-kernel.ts';
import { notImplemented } from './wasi.ts';
import type { Wasi } from './wasi.ts';

export type Imports = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

export interface LinkParts {
  readonly kernel: PdkKernel;
  readonly wasi: Wasi;
  readonly memory: () => WebAssembly.Memory | undefined;
}

/** Bytes of an AssemblyScript abort's message that are read. */
const ABORT_BYTES_MAX = 1_024;

const utf16 = new TextDecoder('utf-16le');

/** A string of AssemblyScript's: UTF-16 at the pointer, its length in bytes in the word before (runtime header). */
const assemblyScriptText = (memory: WebAssembly.Memory | undefined, pointer: number): string => {
  const at = pointer >>> 0;
  if (memory === undefined || at < 4 || at > memory.buffer.byteLength) return '';
  const bytes = new DataView(memory.buffer).getUint32(at - 4, true);
  const end = Math.min(at + Math.min(bytes, ABORT_BYTES_MAX), memory.buffer.byteLength);
  return utf16.decode(new Uint8Array(memory.buffer, at, end - at));
};

/** `env.abort(message, file, line, column)`, which AssemblyScript's `assert` and `throw` end in. */
const abortOf =
  (memory: () => WebAssembly.Memory | undefined): HostFunction =>
  (message: number, file: number, line: number, column: number) => {
    const bound = memory();
    const words = assemblyScriptText(bound, message);
    const place = `${assemblyScriptText(bound, file)}:${line}:${column}`;
    throw new GuestTrap(`abort: ${words} at ${place}`);
  };

const orphaned = <Value>(record: Record<string, Value>): Record<string, Value> =>
  Object.setPrototypeOf(record, null);

/** The functions behind the table. WASI's that do nothing are not in it. */
const functionsOf = ({ kernel, wasi, memory }: LinkParts): ReadonlyMap<string, HostFunction> =>
  new Map(
    Object.entries({
      'extism:host/env': kernel.functions(),
      'infrafabric:host': { call: kernel.call },
      wasi_snapshot_preview1: wasi.functions(),
      env: { abort: abortOf(memory) },
    }).flatMap(([module, functions]) =>
      Object.entries<HostFunction>(functions).map(([name, fn]) => [`${module} ${name}`, fn]),
    ),
  );

/** The imports of the module, and no other function. Throws LinkRefusal for one that is not offered. */
export const linkImports = (
  module: WebAssembly.Module,
  { header: { abi }, link }: Pick<LoadContext, 'header' | 'link'>,
  parts: LinkParts,
): Imports => {
  const functions = functionsOf(parts);
  const imports: Record<string, Record<string, HostFunction>> = orphaned({});
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const importable = abi === 'js' ? undefined : importablesOf(abi).get(from)?.get(name);
    const words = `the import ${plainText(`${from} ${name}`)} (${kind})`;
    if (importable === undefined || kind !== 'function')
      throw new LinkRefusal(`${words} is not offered`);
    if (importable.needs !== undefined && !link.offers(importable.needs))
      throw new LinkRefusal(`${words} needs the host function ${importable.needs}`);
    (imports[from] ??= orphaned({}))[name] = functions.get(`${from} ${name}`) ?? notImplemented;
  }
  return imports;
};
