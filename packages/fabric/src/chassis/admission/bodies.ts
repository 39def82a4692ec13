/** The code section. */
import { readInstruction } from './instructions.ts';
import { BODY_BYTES_MAX, LOCALS_MAX } from './limits.ts';
import { OperandStack } from './operand-stack.ts';
import type { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import type { ModuleShape } from './shape.ts';
import { readValueType } from './types.ts';

/** A body's end is known before it is read, so the reader's own end is moved to it. */
export const readBodies = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  shape.bodies = reader.u32();
  const declared = shape.functions.length - shape.importedFunctions;
  if (shape.bodies !== declared)
    throw new Refusal(
      'malformed',
      `${declared} functions are declared; ${shape.bodies} have a body.`,
      offset,
    );
  const stack = new OperandStack(reader.bytes, shape);
  const sectionEnd = reader.end;
  for (let read = 0; read < shape.bodies; read += 1) {
    const sizeAt = reader.at;
    const size = reader.u32();
    atMost(
      { most: BODY_BYTES_MAX, code: 'body-too-large', of: 'bytes in one function' },
      size,
      sizeAt,
    );
    if (size > sectionEnd - reader.at) throw reader.truncated();
    reader.end = reader.at + size;
    stack.begin(shape.functions[shape.importedFunctions + read] ?? 0, readLocals(reader));
    readInstructions(reader, stack);
    reader.end = sectionEnd;
  }
};

/**
 * Reads the local variables of a body.
 *
 * @returns how many there are, parameters not counted
 */
export const readLocals = (reader: ByteReader): number => {
  const offset = reader.at;
  const groups = reader.u32();
  let locals = 0;
  for (let read = 0; read < groups; read += 1) {
    locals += reader.u32();
    atMost(
      { most: LOCALS_MAX, code: 'too-many-locals', of: 'locals in one function' },
      locals,
      offset,
    );
    readValueType(reader);
  }
  return locals;
};

/** Reads until the block that a body is ends, which must be where its bytes end. */
const readInstructions = (reader: ByteReader, stack: OperandStack): void => {
  let at = reader.at;
  while (stack.take(readInstruction(reader), at)) at = reader.at;
  if (reader.at !== reader.end)
    throw new Refusal('malformed', 'A function goes on behind its end.', reader.at);
};
