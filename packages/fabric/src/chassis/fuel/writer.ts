/** Bytes of a growing length; it doubles, so writing n bytes moves at most 2n. */
export class ByteWriter {
  length = 0;
  private bytes: Uint8Array<ArrayBuffer>;

  constructor(bytesExpected: number) {
    this.bytes = new Uint8Array(Math.max(bytesExpected, 64));
  }

  byte(byte: number): void {
    this.room(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  u32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** A signed number as `i64.const` takes it. Any safe integer. */
  s64(value: number): void {
    let rest = value;
    for (;;) {
      // Numbers of 53 bits, so division and not shifts; both round towards −∞.
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      const signSet = low >= 0x40;
      if ((rest === 0 && !signSet) || (rest === -1 && signSet)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  name(name: string): void {
    const bytes = new TextEncoder().encode(name);
    this.u32(bytes.length);
    this.append(bytes);
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written, until the next write: no copy. */
  written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  private room(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.written());
    this.bytes = larger;
  }
}
