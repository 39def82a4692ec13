/** The code section, with every function paying. */
import { readLocals } from '../admission/bodies.ts';
import { ByteReader } from '../admission/reader.ts';
import type { ModuleShape } from '../admission/shape.ts';
import { writeCharge, writeLengthCharge } from './charge.ts';
import { leavesOf } from './leaves.ts';
import { planBody, type BodyPlan } from './plan.ts';
import { ByteWriter } from './writer.ts';

const I32 = 0x7f;

/** Bytes that a body usually grows to; it grows further by itself. */
const BODY_BYTES_EXPECTED = 16 * 1024;

/** Reads the content of a code section and writes it metered: its count, then its bodies. */
export const writeBodies = (
  reader: ByteReader,
  shape: ModuleShape,
  { to, global }: { readonly to: ByteWriter; readonly global: number },
): void => {
  const contentAt = reader.at;
  const leaves = leavesOf(reader, shape);
  reader.at = contentAt;
  const count = reader.u32();
  to.u32(count);
  const body = new ByteWriter(BODY_BYTES_EXPECTED);
  const indexReader = new ByteReader(reader.bytes);
  const sectionEnd = reader.end;
  for (let at = 0; at < count; at += 1) {
    const sizeAt = reader.at;
    const size = reader.u32();
    const start = reader.at;
    if (leaves.units[shape.importedFunctions + at] !== 0) {
      to.append(reader.bytes.subarray(sizeAt, start + size));
      reader.at = start + size;
      continue;
    }
    reader.end = start + size;
    const locals = readLocals(reader);
    const first = reader.at;
    const plan = planBody(reader, { globals: shape.globals, leaves, indexReader });
    const parameters = parametersOf(shape, indexReader, shape.importedFunctions + at);
    body.reset();
    writeLocals(body, reader.bytes.subarray(start, first), { oneMore: plan.lengths.length > 0 });
    writeInstructions(body, reader.bytes, {
      plan,
      global,
      local: parameters + locals,
      first,
      end: reader.at,
    });
    to.u32(body.length);
    to.append(body.written());
    reader.end = sectionEnd;
  }
};

const parametersOf = (shape: ModuleShape, reader: ByteReader, fn: number): number => {
  reader.at = shape.types[shape.functions[fn] ?? 0] ?? 0;
  return reader.u32();
};

/** The groups of locals as they are, and one group more where lengths have to be kept. */
const writeLocals = (
  to: ByteWriter,
  declared: Uint8Array,
  { oneMore }: { readonly oneMore: boolean },
): void => {
  if (!oneMore) {
    to.append(declared);
    return;
  }
  const reader = new ByteReader(declared);
  to.u32(reader.u32() + 1);
  to.append(declared.subarray(reader.at));
  to.u32(1);
  to.byte(I32);
};

/** Copies the instructions and puts in what pays, in the order of the places. */
const writeInstructions = (
  to: ByteWriter,
  bytes: Uint8Array,
  {
    plan: { points, lengths },
    global,
    local,
    first,
    end,
  }: {
    readonly plan: BodyPlan;
    readonly global: number;
    readonly local: number;
    readonly first: number;
    readonly end: number;
  },
): void => {
  let copied = first;
  let nextLength = 0;
  const copyTo = (at: number): void => {
    to.append(bytes.subarray(copied, at));
    copied = at;
  };
  const writeLengthsBefore = (limit: number): void => {
    for (; ; nextLength += 1) {
      const point = lengths[nextLength];
      if (point === undefined || point.at >= limit) return;
      copyTo(point.at);
      writeLengthCharge(to, { global, local, cost: point.cost });
    }
  };
  for (const point of points) {
    writeLengthsBefore(point.at);
    copyTo(point.at);
    writeCharge(to, global, point.units);
  }
  writeLengthsBefore(end);
  copyTo(end);
};
