/**
 * A cursor over the bytes of a module (WebAssembly 2.0, binary format).
 *
 * A1  It never reads behind `end`, and never takes more memory than the bytes it has read: a count is a claim until the
 *     things it counts were read.
 * A2  Integers are LEB128 as the specification bounds them (§5.2.2): at most ⌈N/7⌉ bytes, unused bits of the last one
 *     zero, or copies of the sign.
 */
import { Refusal } from './refusal.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A number of 32 bits has at most five bytes, the last with four bits of use. */
const U32_LAST_SHIFT = 28;
const S64_LAST_SHIFT = 63;

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  /** First byte that is not to be read: of the module, then of a section, then of a body. */
  end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  byte(): number {
    const byte = this.at < this.end ? this.bytes[this.at] : undefined;
    if (byte === undefined) throw this.truncated();
    this.at += 1;
    return byte;
  }

  /** The next byte, unread; −1 at the end. */
  peek(): number {
    return this.at < this.end ? (this.bytes[this.at] ?? -1) : -1;
  }

  skip(bytes: number): void {
    if (bytes > this.end - this.at) throw this.truncated();
    this.at += bytes;
  }

  u32(): number {
    const first = this.byte();
    return first < 0x80 ? first : this.longU32(first);
  }

  /** A signed number of 32 bits, whose value nobody here needs. */
  skipS32(): void {
    this.skipSigned(U32_LAST_SHIFT, 0x78);
  }

  skipS64(): void {
    this.skipSigned(S64_LAST_SHIFT, 0x7f);
  }

  /** The index in a block type: a signed number of 33 bits that must not be negative. */
  blockTypeIndex(): number {
    const from = this.at;
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      if (shift === U32_LAST_SHIFT) {
        if ((byte & 0xf0) !== 0) throw this.badInteger(from, 33);
        return value + byte * 2 ** U32_LAST_SHIFT;
      }
      value += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0x80) continue;
      if ((byte & 0x40) !== 0)
        throw new Refusal('malformed', 'A block type is negative and no value type.', from);
      return value;
    }
  }

  /** A name: its length in bytes, then UTF-8 without flaw. */
  name(bytesMax: number): string {
    const from = this.at;
    const length = this.u32();
    if (length > bytesMax)
      throw new Refusal(
        'name-too-long',
        `A name has ${length} bytes; ${bytesMax} are the most.`,
        from,
      );
    const start = this.at;
    this.skip(length);
    try {
      return strictUtf8.decode(this.bytes.subarray(start, this.at));
    } catch {
      throw new Refusal('bad-utf8', 'A name is not UTF-8.', start);
    }
  }

  truncated(): Refusal {
    return new Refusal('truncated', 'It ends where more has to follow.', this.at);
  }

  private longU32(first: number): number {
    const from = this.at - 1;
    let value = first & 0x7f;
    for (let shift = 7; ; shift += 7) {
      const byte = this.byte();
      if (shift === U32_LAST_SHIFT) {
        if (byte > 0x0f) throw this.badInteger(from, 32);
        return value + byte * 2 ** U32_LAST_SHIFT;
      }
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** `signBits`: those of the last possible byte that have to be all zero or all one. */
  private skipSigned(lastShift: number, signBits: number): void {
    const from = this.at;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      if (shift === lastShift) {
        const sign = byte & signBits;
        if (byte >= 0x80 || (sign !== 0 && sign !== signBits))
          throw this.badInteger(from, lastShift === S64_LAST_SHIFT ? 64 : 32);
        return;
      }
      if (byte < 0x80) return;
    }
  }

  private badInteger(from: number, bits: number): Refusal {
    return new Refusal('bad-integer', `An integer is longer than ${bits} bits allow.`, from);
  }
}
