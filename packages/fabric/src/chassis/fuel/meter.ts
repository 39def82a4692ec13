/**
 * The metering pass of deterministic runs: it rewrites a module so that a count goes down as it runs, and traps when it
 * is used up. The same module, input and fuel give the same count on every engine and in each of its tiers, because
 * instructions are counted and not time. What it does not make equal: the bits of a NaN, and how deep a stack is.
 *
 * M3  The count is a global behind all that the module has. A guest cannot name it: its own indices were validated before
 *     (case 41), and are looked at once more here.
 * M4  The count is full from the beginning, so what runs first pays too (case 44).
 */
import { PREAMBLE_BYTES, placeOfSection, readModule, SECTION } from '../admission/module.ts';
import { MEMORY_PAGES_OF_32_BITS } from '../admission/limits.ts';
import { ByteReader } from '../admission/reader.ts';
import { KIND, type ModuleShape } from '../admission/shape.ts';
import { writeBodies } from './bodies.ts';
import { ByteWriter } from './writer.ts';

export interface Metered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The exported global that counts down, an i64. Negative: the fuel ran out, and that was the trap. */
  readonly fuelExport: string;
  /**
   * The exported function to call after instantiating, before anything else: what was the start function. As a start
   * function it would trap without an instance of which the count can be read.
   */
  readonly startExport?: string;
}

/**
 * Rewrites a module so that it pays for what it runs; the cost model is in `plan.ts`.
 *
 * Only for a module that `WebAssembly.validate` and `admitModule` have passed, in that state: an invalid one that writes
 * to the next global would be valid afterwards and pay nothing. Custom sections are left out.
 *
 * @param fuel units to begin with, an integer
 * @throws Error where the module was not admitted or not validated: a defect of the caller
 */
export const meterModule = (bytes: Uint8Array, { fuel }: { readonly fuel: number }): Metered => {
  if (!Number.isSafeInteger(fuel) || fuel < 0) throw new Error(`${fuel} is no amount of fuel`);
  const shape = readModule(bytes, { pagesMax: MEMORY_PAGES_OF_32_BITS });
  const pass: Pass = {
    shape,
    fuel,
    fuelExport: freeName(shape, 'fuel'),
    startExport: shape.startOffset === undefined ? undefined : freeName(shape, 'start'),
  };
  const metered = writeModule(bytes, pass);
  const { fuelExport, startExport } = pass;
  return startExport === undefined
    ? { bytes: metered, fuelExport }
    : { bytes: metered, fuelExport, startExport };
};

interface Pass {
  readonly shape: ModuleShape;
  readonly fuel: number;
  readonly fuelExport: string;
  readonly startExport: string | undefined;
}

/** A name that the module does not export (case 42). */
const freeName = ({ exports }: ModuleShape, wanted: string): string => {
  let name = wanted;
  for (let number = 1; exports.has(name); number += 1) name = `${wanted}${number}`;
  return name;
};

/** Bytes that a metered module has for each of the original's, as measured on compilers' output. */
const GROWTH_EXPECTED = 1.3;
const START_SECTION = 8;

const writeModule = (bytes: Uint8Array, pass: Pass): Uint8Array<ArrayBuffer> => {
  const reader = new ByteReader(bytes);
  const to = new ByteWriter(Math.ceil(bytes.length * GROWTH_EXPECTED));
  to.append(bytes.subarray(0, PREAMBLE_BYTES));
  reader.at = PREAMBLE_BYTES;
  /** The sections that the module may not have. */
  const missing = new Set<number>([SECTION.global, SECTION.export]);
  const addMissingBefore = (place: number): void => {
    for (const id of missing) {
      if ((placeOfSection(id) ?? 0) >= place) continue;
      missing.delete(id);
      writeSection(to, id, (content) => writeExtended(undefined, id, { content, pass }));
    }
  };
  while (reader.at < bytes.length) {
    const start = reader.at;
    const id = reader.byte();
    const size = reader.u32();
    const end = reader.at + size;
    const place = placeOfSection(id);
    if (place !== undefined) addMissingBefore(place);
    reader.end = end;
    if (missing.delete(id))
      writeSection(to, id, (content) => writeExtended(reader, id, { content, pass }));
    else if (id === SECTION.code)
      writeSection(to, id, (content) =>
        writeBodies(reader, pass.shape, { to: content, global: pass.shape.globals }),
      );
    else if (id !== SECTION.custom && id !== START_SECTION) to.append(bytes.subarray(start, end));
    reader.end = bytes.length;
    reader.at = end;
  }
  addMissingBefore(Number.POSITIVE_INFINITY);
  return to.written();
};

const writeSection = (to: ByteWriter, id: number, write: (content: ByteWriter) => void): void => {
  const content = new ByteWriter(0);
  write(content);
  to.byte(id);
  to.u32(content.length);
  to.append(content.written());
};

/** The globals or exports that there are, if any, and ours behind them. */
const writeExtended = (
  reader: ByteReader | undefined,
  id: number,
  { content, pass }: { readonly content: ByteWriter; readonly pass: Pass },
): void => {
  const added = id === SECTION.global || pass.startExport === undefined ? 1 : 2;
  content.u32((reader?.u32() ?? 0) + added);
  if (reader !== undefined) content.append(reader.bytes.subarray(reader.at, reader.end));
  if (id === SECTION.global) writeGlobal(content, pass.fuel);
  else writeExports(content, pass);
};

/** `(global (mut i64) (i64.const fuel))` */
const writeGlobal = (to: ByteWriter, fuel: number): void => {
  to.byte(0x7e);
  to.byte(0x01);
  to.byte(0x42);
  to.s64(fuel);
  to.byte(0x0b);
};

const writeExports = (to: ByteWriter, { shape, fuelExport, startExport }: Pass): void => {
  to.name(fuelExport);
  to.byte(KIND.global);
  to.u32(shape.globals);
  if (startExport === undefined) return;
  to.name(startExport);
  to.byte(KIND.function);
  to.u32(shape.startFunction);
};
