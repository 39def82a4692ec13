/** The instructions that pay. They leave the stack as they found it, so they may stand between any two others. */
import type { LengthCost } from './length-cost.ts';
import type { ByteWriter } from './writer.ts';

/** Opcodes of what is written. */
const OP = {
  unreachable: 0x00,
  if: 0x04,
  end: 0x0b,
  localGet: 0x20,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i64Const: 0x42,
  i64LessSigned: 0x53,
  i64Subtract: 0x7d,
  i64Multiply: 0x7e,
  i64ShiftRightUnsigned: 0x88,
  i64ExtendUnsigned: 0xad,
  noResult: 0x40,
} as const;

/** `count −= units; if (count < 0) trap`. The trap is the only one after which the count is negative. */
export const writeCharge = (to: ByteWriter, global: number, units: number): void => {
  to.byte(OP.globalGet);
  to.u32(global);
  to.byte(OP.i64Const);
  to.s64(units);
  writeSubtract(to, global);
};

/** The same for the length on top of the stack, which stays there; `local` is an i32 of ours. */
export const writeLengthCharge = (
  to: ByteWriter,
  {
    global,
    local,
    cost,
  }: { readonly global: number; readonly local: number; readonly cost: LengthCost },
): void => {
  to.byte(OP.localTee);
  to.u32(local);
  to.byte(OP.globalGet);
  to.u32(global);
  to.byte(OP.localGet);
  to.u32(local);
  to.byte(OP.i64ExtendUnsigned);
  if (cost.shift > 0) {
    to.byte(OP.i64Const);
    to.s64(cost.shift);
    to.byte(OP.i64ShiftRightUnsigned);
  }
  if (cost.units > 1) {
    to.byte(OP.i64Const);
    to.s64(cost.units);
    to.byte(OP.i64Multiply);
  }
  writeSubtract(to, global);
};

const writeSubtract = (to: ByteWriter, global: number): void => {
  to.byte(OP.i64Subtract);
  to.byte(OP.globalSet);
  to.u32(global);
  to.byte(OP.globalGet);
  to.u32(global);
  to.byte(OP.i64Const);
  to.s64(0);
  to.byte(OP.i64LessSigned);
  to.byte(OP.if);
  to.byte(OP.noResult);
  to.byte(OP.unreachable);
  to.byte(OP.end);
};
