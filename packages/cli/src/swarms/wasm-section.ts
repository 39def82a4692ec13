/**
 * Capabilities that a WebAssembly module says it has: ids between white space or commas in its custom sections named
 * `ifab.capabilities`. Several such sections, and statics that a linker put together, read as one list; that is why the
 * text is no JSON. Format: WebAssembly Core Specification 2.0, 5.5 (modules, sections) and 5.2.2 (integers).
 */
import type { FileHandle } from 'node:fs/promises';
import { CapabilityId } from '@infrafabric/protocol';

export const WASM_SECTION = 'ifab.capabilities';

/** Sections that are looked at: a module has twelve kinds, and few custom ones. */
const SECTIONS_MAX = 1_000;
/** Bytes of one list: its 200 ids of 81 characters fit. */
const LIST_BYTES_MAX = 32 * 1024;
/** Ids of one module; a swarm can have no more. */
const IDS_MAX = 200;
const MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);
const PREAMBLE_BYTES = 8;
/** Section id, size and length of a name: one byte and two LEB128 numbers of five at most; then our name. */
const HEAD_BYTES = 1 + 5 + 5 + WASM_SECTION.length;
const CUSTOM = 0;

/** Ids in the order of the module; none where it is no module, or says nothing. Sections are skipped, not read. */
export const readWasmCapabilities = async (
  file: Pick<FileHandle, 'read'>,
  sizeBytes: number,
): Promise<readonly string[]> => {
  if (!(await readAt(file, 0, PREAMBLE_BYTES)).subarray(0, MAGIC.length).equals(MAGIC)) return [];
  const ids = new Set<string>();
  let at = PREAMBLE_BYTES;
  for (let count = 0; count < SECTIONS_MAX && at < sizeBytes; count += 1) {
    const head = await readAt(file, at, HEAD_BYTES);
    const size = readU32(head, 1);
    if (size === undefined) break;
    const end = at + size.next + size.value;
    if (head[0] === CUSTOM) {
      const list = await listAt(file, {
        head,
        at,
        end: Math.min(end, sizeBytes),
        after: size.next,
      });
      for (const id of list) ids.add(id);
    }
    at = end;
  }
  return [...ids].slice(0, IDS_MAX);
};

interface CustomSection {
  readonly head: Buffer;
  /** Of the section in the file. */
  readonly at: number;
  readonly end: number;
  /** Where its name's length stands in the head. */
  readonly after: number;
}

const listAt = async (
  file: Pick<FileHandle, 'read'>,
  { head, at, end, after }: CustomSection,
): Promise<readonly string[]> => {
  const length = readU32(head, after);
  if (length?.value !== WASM_SECTION.length) return [];
  const nameEnd = length.next + length.value;
  if (head.toString('latin1', length.next, nameEnd) !== WASM_SECTION) return [];
  const from = at + nameEnd;
  const text = await readAt(file, from, Math.min(Math.max(0, end - from), LIST_BYTES_MAX));
  return text
    .toString('latin1')
    .split(/[\s,\0]+/)
    .filter((word) => CapabilityId.safeParse(word).success);
};

const readAt = async (
  file: Pick<FileHandle, 'read'>,
  at: number,
  bytes: number,
): Promise<Buffer> => {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, at);
  return buffer.subarray(0, bytesRead);
};

/** An unsigned LEB128 number of 32 bits; undefined where it does not end. */
const readU32 = (
  bytes: Buffer,
  from: number,
): { readonly value: number; readonly next: number } | undefined => {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[from + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: from + index + 1 };
  }
  return undefined;
};
