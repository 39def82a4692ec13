/**
 * Small functions that run straight to their end. Who calls one pays for it, so it has no point of its own: compilers
 * leave many of them, engines inline them, and a count inside is what would then be most of their work.
 */
import { readLocals } from '../admission/bodies.ts';
import { readInstruction } from '../admission/instructions.ts';
import { OPCODE } from '../admission/opcodes.ts';
import { ByteReader } from '../admission/reader.ts';
import { KIND, type ModuleShape } from '../admission/shape.ts';
import { lengthCostOf } from './length-cost.ts';
import { globalIsTheirs, unitsOf } from './units.ts';

/**
 * Units of the largest. Larger: calls through a table, which do not know whom they reach, pay too much; smaller: fewer
 * functions are leaves.
 */
const LEAF_UNITS_MAX = 32;

export interface Leaves {
  /** Units of each function, imported ones included; 0: it is none, and pays for itself. */
  readonly units: Uint8Array;
  /** Of the largest: what a call pays that may reach any. */
  readonly most: number;
}

/** Reads the content of a code section as far as it has to. */
export const leavesOf = (reader: ByteReader, shape: ModuleShape): Leaves => {
  const units = new Uint8Array(shape.functions.length);
  const indexReader = new ByteReader(reader.bytes);
  const fromOutside = calledFromOutside(shape);
  const count = reader.u32();
  let most = 0;
  for (let at = 0; at < count; at += 1) {
    const size = reader.u32();
    const end = reader.at + size;
    const fn = shape.importedFunctions + at;
    const found = fromOutside.has(fn)
      ? 0
      : leafUnits(reader, { globals: shape.globals, indexReader });
    units[fn] = found;
    most = Math.max(most, found);
    reader.at = end;
  }
  return { units, most };
};

/** The host pays for nothing, so what it may call pays for itself. */
const calledFromOutside = ({ exports, startOffset, startFunction }: ModuleShape): Set<number> => {
  const functions = new Set<number>(startOffset === undefined ? [] : [startFunction]);
  for (const { kind, index } of exports.values()) if (kind === KIND.function) functions.add(index);
  return functions;
};

/** What a body costs at most; 0 where it is no leaf. A body of nothing costs 1, so that it is told from those. */
const leafUnits = (
  reader: ByteReader,
  { globals, indexReader }: { readonly globals: number; readonly indexReader: ByteReader },
): number => {
  readLocals(reader);
  let units = 1;
  for (let depth = 1; depth > 0;) {
    indexReader.at = reader.at + 1;
    const opcode = readInstruction(reader);
    globalIsTheirs(opcode, indexReader, globals);
    if (opcode === OPCODE.end) depth -= 1;
    else if (opcode === OPCODE.block || opcode === OPCODE.if) depth += 1;
    units += unitsOf(opcode);
    if (units > LEAF_UNITS_MAX || calls(opcode) || lengthCostOf(opcode) !== undefined) return 0;
  }
  return units;
};

const calls = (opcode: number): boolean =>
  opcode === OPCODE.loop || opcode === OPCODE.call || opcode === OPCODE.callIndirect;
