/** Value types, and signatures as the words that tables and reasons use: `i64 i64 -> i32`. */
import { ByteReader } from './reader.ts';
import { Refusal } from './refusal.ts';

export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [FUNCREF, 'funcref'],
  [EXTERNREF, 'externref'],
]);

const FEATURES: readonly (readonly [first: number, last: number, feature: string])[] = [
  [0x4e, 0x50, 'garbage collection'],
  [0x5c, 0x5d, 'stack switching'],
  [0x5e, 0x5f, 'garbage collection'],
  [0x63, 0x64, 'typed function references'],
  [0x69, 0x69, 'exception handling'],
  [0x6a, 0x6e, 'garbage collection'],
  [0x71, 0x73, 'garbage collection'],
  [0x74, 0x74, 'exception handling'],
];

export const isValueType = (type: number): boolean => NAMES.has(type);

/** The refusal of a type byte that is none of 2.0's. */
export const refusedType = (type: number, offset: number): Refusal => {
  const feature = FEATURES.find(([first, last]) => type >= first && type <= last)?.[2];
  return feature === undefined
    ? new Refusal('unknown-type', `Type 0x${type.toString(16)} is unknown.`, offset)
    : new Refusal('feature-refused', `It needs ${feature}, which is not allowed.`, offset);
};

export const readValueType = (reader: ByteReader): number => {
  const type = reader.byte();
  if (!isValueType(type)) throw refusedType(type, reader.at - 1);
  return type;
};

export const readReferenceType = (reader: ByteReader): number => {
  const type = reader.byte();
  if (type === FUNCREF || type === EXTERNREF) return type;
  if (isValueType(type))
    throw new Refusal('malformed', 'A value type stands for a reference.', reader.at - 1);
  throw refusedType(type, reader.at - 1);
};

/** The signature at `offset`, which was read before, in words. */
export const signatureAt = (bytes: Uint8Array, offset: number): string => {
  const reader = new ByteReader(bytes);
  reader.at = offset;
  const list = (): string[] =>
    Array.from({ length: reader.u32() }, () => NAMES.get(reader.byte()) ?? '?');
  return [...list(), '->', ...list()].join(' ');
};
