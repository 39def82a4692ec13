/** What instructions that work by length cost beyond the unit that every instruction does. */
import { OPCODE } from '../admission/opcodes.ts';

export interface LengthCost {
  /** The length is shifted right by so many bits: less than a unit each. */
  readonly shift: number;
  /** Or it is multiplied by so many units. */
  readonly units: number;
}

/** Bytes that a unit fills or copies: 512 MiB in 60–240 ms are 0.1–0.4 ns a byte, an instruction takes 1 ns. */
const BYTES: LengthCost = { shift: 3, units: 1 };
/** An element is a word to write and a barrier for the collector: 7 to 47 ns, measured on V8 12.4 and 13.6. */
const ELEMENTS: LengthCost = { shift: 0, units: 32 };
/** A page of 64 KiB, of zeros that somebody has to write, at 8 bytes a unit. */
const PAGES: LengthCost = { shift: 0, units: 8_192 };

/** All of them take the length as their last operand, an i32. */
const COSTS: ReadonlyMap<number, LengthCost> = new Map([
  [OPCODE.memoryGrow, PAGES],
  [OPCODE.memoryInit, BYTES],
  [OPCODE.memoryCopy, BYTES],
  [OPCODE.memoryFill, BYTES],
  [OPCODE.tableInit, ELEMENTS],
  [OPCODE.tableCopy, ELEMENTS],
  [OPCODE.tableGrow, ELEMENTS],
  [OPCODE.tableFill, ELEMENTS],
]);

export const lengthCostOf = (opcode: number): LengthCost | undefined =>
  // Most opcodes are one byte, and this is asked of each.
  opcode < 0x100 && opcode !== OPCODE.memoryGrow ? undefined : COSTS.get(opcode);
