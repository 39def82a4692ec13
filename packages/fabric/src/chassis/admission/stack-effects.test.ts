import { binary } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import { BULK, IMMEDIATE, PLAIN, SIMD } from './opcodes.ts';
import { effectOf } from './stack-effects.ts';

const { bytesOf, concat, repeat, u32 } = binary;

/** One value of each type, as its constant. */
const VALUES = new Map([
  ['i32', bytesOf(0x41, 0x00)],
  ['i64', bytesOf(0x42, 0x00)],
  ['f32', bytesOf(0x43, 0, 0, 0, 0)],
  ['f64', bytesOf(0x44, 0, 0, 0, 0, 0, 0, 0, 0)],
  ['v128', concat(bytesOf(0xfd, 0x0c), new Uint8Array(16))],
  ['funcref', bytesOf(0xd0, 0x70)],
]);

/** Bytes behind an opcode that make it valid here, or nothing where its effect depends on types. */
const IMMEDIATES: ReadonlyMap<number, Uint8Array> = new Map([
  [IMMEDIATE.none, bytesOf()],
  [IMMEDIATE.index, bytesOf(0x00)],
  [IMMEDIATE.twoIndices, bytesOf(0x00, 0x00)],
  [IMMEDIATE.memory, bytesOf(0x00, 0x00)],
  [IMMEDIATE.memoryAndLane, bytesOf(0x00, 0x00, 0x00)],
  [IMMEDIATE.s32, bytesOf(0x00)],
  [IMMEDIATE.s64, bytesOf(0x00)],
  [IMMEDIATE.bytes4, new Uint8Array(4)],
  [IMMEDIATE.bytes8, new Uint8Array(8)],
  [IMMEDIATE.bytes16, new Uint8Array(16)],
  [IMMEDIATE.lane, bytesOf(0x00)],
  [IMMEDIATE.memoryZero, bytesOf(0x00)],
  [IMMEDIATE.twoMemoryZeros, bytesOf(0x00, 0x00)],
  [IMMEDIATE.indexAndMemoryZero, bytesOf(0x00, 0x00)],
  [IMMEDIATE.referenceType, bytesOf(0x70)],
]);

/** Locals, globals and tables of every type are more than the index 0 can name: those are tried with one type. */
const moduleWith = (instructions: Uint8Array): Uint8Array =>
  binary.moduleOf(
    binary.types(binary.functionType()),
    binary.functions(0),
    binary.section(4, bytesOf(0x01, 0x70, 0x00, 0x01)),
    binary.section(5, bytesOf(0x01, 0x00, 0x01)),
    binary.section(6, bytesOf(0x01, 0x7f, 0x01, 0x41, 0x00, 0x0b)),
    binary.exports(binary.exported('run', 0)),
    binary.section(9, bytesOf(0x01, 0x01, 0x00, 0x01, 0x00)),
    binary.section(12, bytesOf(0x01)),
    binary.code(binary.body(instructions, binary.localsOf(1))),
    binary.section(11, bytesOf(0x01, 0x01, 0x00)),
  );

const valid = (instructions: Uint8Array): boolean =>
  WebAssembly.validate(Buffer.from(moduleWith(instructions)));

/** All ways to have up to three operands. */
const OPERANDS: readonly Uint8Array[] = [0, 1, 2, 3].flatMap((count) => {
  let stacks: Uint8Array[] = [bytesOf()];
  for (let at = 0; at < count; at += 1)
    stacks = stacks.flatMap((stack) => [...VALUES.values()].map((value) => concat(stack, value)));
  return stacks;
});
const countOf = (stack: Uint8Array): number => {
  let count = 0;
  for (let at = 0; at < stack.length; count += 1) {
    const value = [...VALUES.values()].find((one) =>
      one.every((byte, i) => stack[at + i] === byte),
    );
    at += value?.length ?? stack.length;
  }
  return count;
};

/** By how much the engine says that the instruction changes the height: of the first operands that it takes. */
const effectInEngine = (instruction: Uint8Array): number | undefined => {
  for (const operands of OPERANDS) {
    for (const results of [0, 1])
      if (valid(concat(operands, instruction, repeat(bytesOf(0x1a), results))))
        return results - countOf(operands);
  }
  return undefined;
};

/** The last column is how many of them there are in WebAssembly 2.0, those of control aside. */
const tables: readonly (readonly [
  name: string,
  prefix: number | undefined,
  table: Uint8Array,
  count: number,
])[] = [
  ['plain', undefined, PLAIN, 169],
  ['bulk', 0xfc, BULK, 18],
  ['SIMD', 0xfd, SIMD, 236],
];

test.each(tables)(
  '%s instructions change the stack as the engine says',
  (_name, prefix, table, count) => {
    let compared = 0;
    for (const [opcode, immediate] of table.entries()) {
      const behind = IMMEDIATES.get(immediate);
      // Calls and branches depend on types; random modules hold those.
      const isControl = prefix === undefined && (opcode <= 0x11 || opcode === 0x1c);
      if (behind === undefined || isControl) continue;
      const head = prefix === undefined ? bytesOf(opcode) : concat(bytesOf(prefix), u32(opcode));
      const found = effectInEngine(concat(head, behind));
      expect(found, `opcode ${prefix ?? ''} ${opcode.toString(16)}`).toBe(
        effectOf(prefix === undefined ? opcode : prefix * 0x100 + opcode),
      );
      compared += 1;
    }
    expect(compared).toBe(count);
  },
);
