import { OPCODE } from '../admission/opcodes.ts';
import type { ByteReader } from '../admission/reader.ts';

/** Growing by nothing asks the engine all the same, which takes it some 100 ns. */
const GROW_UNITS = 64;

/** What an instruction costs, beside what it calls and the length that it works on. */
export const unitsOf = (opcode: number): number => {
  switch (opcode) {
    // Nothing runs for these: they say where code begins and ends.
    case OPCODE.nop:
    case OPCODE.block:
    case OPCODE.loop:
    case OPCODE.else:
    case OPCODE.end:
      return 0;
    case OPCODE.memoryGrow:
    case OPCODE.tableGrow:
      return GROW_UNITS;
    default:
      return 1;
  }
};

/**
 * Stops where an instruction names a global that the module does not have: it would be the count. Validated modules have
 * none such, so it is a defect of the caller; without this it would be a run for nothing (case 41).
 *
 * @param indexReader stands at the instruction's index
 */
export const globalIsTheirs = (opcode: number, indexReader: ByteReader, globals: number): void => {
  if (opcode !== OPCODE.globalGet && opcode !== OPCODE.globalSet) return;
  if (indexReader.u32() >= globals)
    throw new Error('metering met a global that does not exist: the module was not validated');
};
