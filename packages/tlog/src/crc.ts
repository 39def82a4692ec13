import { byteAt } from './bytes.ts';

// CRC-32 of IEEE 802.3 (polynomial 0xEDB88320, reflected), the one of gzip and `zlib.crc32`.
// Eight tables take eight bytes a step (Kounavis and Berry, "A systematic approach to building
// high performance software-based CRC generators", 2005).

/** `seed` is the CRC of what came before (0 at the start). Node: `zlib.crc32`, five times faster. */
export type Crc32 = (bytes: Uint8Array, seed?: number) => number;

const POLYNOMIAL = 0xedb88320;
const SLICES = 8;
const TABLES = buildTables();

/** CRC-32 as an unsigned 32-bit number. Finds accidents; an attacker can repair it. */
export const crc32: Crc32 = (bytes, seed = 0) => {
  const whole = bytes.length - (bytes.length % SLICES);
  let crc = ~seed;
  let at = 0;
  for (; at < whole; at += SLICES) {
    const low = crc ^ word(bytes, at);
    const high = word(bytes, at + 4);
    crc =
      entry(0x700 | (low & 0xff)) ^
      entry(0x600 | ((low >>> 8) & 0xff)) ^
      entry(0x500 | ((low >>> 16) & 0xff)) ^
      entry(0x400 | (low >>> 24)) ^
      entry(0x300 | (high & 0xff)) ^
      entry(0x200 | ((high >>> 8) & 0xff)) ^
      entry(0x100 | ((high >>> 16) & 0xff)) ^
      entry(high >>> 24);
  }
  for (; at < bytes.length; at += 1) {
    crc = (crc >>> 8) ^ entry((crc ^ byteAt(bytes, at)) & 0xff);
  }
  return ~crc >>> 0;
};

function entry(at: number): number {
  return Number(TABLES[at]);
}

/** Little-endian 32 bits, signed. */
function word(bytes: Uint8Array, at: number): number {
  const low = byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8);
  return low | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24);
}

/** Table s, at s × 256, holds the CRC of each byte followed by s zero bytes. */
function buildTables(): Uint32Array {
  const tables = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i += 1) {
    const before = Number(tables[i - 256]);
    tables[i] = (before >>> 8) ^ Number(tables[before & 0xff]);
  }
  return tables;
}
