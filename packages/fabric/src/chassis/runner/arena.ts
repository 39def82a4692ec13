/**
 * The memory that a guest and the kernel exchange bytes in: blocks by offset, 0 is none.
 *
 * A1  It never exceeds its bound, and no offset reaches outside of what was given out.
 * A2  After `reset` every byte is zero again: nothing of one run is there in the next.
 */

/** Bytes of the arena, 16 MiB: input, output, variables' copies and bodies of a run. */
export const ARENA_BYTES_MAX = 16 * 1024 * 1024;
/** Blocks at once. Each costs the runner's JavaScript heap about 100 bytes, and that has 64 MiB. */
export const ARENA_BLOCKS_MAX = 65_536;
/** Bytes before it has to grow: most runs exchange less. */
const FIRST_BYTES = 64 * 1024;
/** No block begins below; 0 must stay nothing. */
const FIRST_OFFSET = 16;
const WORD_BYTES = 8;
/** Blocks up to here are rounded to powers of two, larger ones to multiples of it. */
const ROUND_BYTES = 64 * 1024;

/** Bytes that a block of that length occupies: few different sizes, so that a freed one fits another. */
const occupied = (bytes: number): number => {
  if (bytes > ROUND_BYTES) return Math.ceil(bytes / ROUND_BYTES) * ROUND_BYTES;
  let size = FIRST_OFFSET;
  while (size < bytes) size *= 2;
  return size;
};

export class Arena {
  readonly #bytesMax: number;
  readonly #blocksMax: number;
  readonly #lengths = new Map<number, number>();
  /** Offsets of freed blocks by the bytes that they occupy. */
  readonly #freed = new Map<number, number[]>();
  #memory: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** Everything given out so far lies in [FIRST_OFFSET, top). */
  #top = FIRST_OFFSET;

  constructor({ bytesMax = ARENA_BYTES_MAX, blocksMax = ARENA_BLOCKS_MAX } = {}) {
    this.#bytesMax = bytesMax;
    this.#blocksMax = blocksMax;
    this.#memory = new Uint8Array(Math.min(FIRST_BYTES, bytesMax));
    this.#view = new DataView(this.#memory.buffer);
  }

  /** Offset of a fresh block; 0 for no bytes. Throws a RangeError where the arena is exhausted. */
  alloc(bytes: number): number {
    if (bytes === 0) return 0;
    if (this.#lengths.size >= this.#blocksMax)
      throw new RangeError(`the arena holds ${this.#blocksMax} blocks, its limit`);
    // A length that was negative as i64, or is absurd, would not come to an end below.
    if (bytes < 0 || bytes > this.#bytesMax) throw this.#exhausted(bytes);
    const size = occupied(bytes);
    const offset = this.#reuse(size) ?? this.#extend(size);
    if (offset === undefined) throw this.#exhausted(bytes);
    this.#lengths.set(offset, bytes);
    return offset;
  }

  /** Of an offset that is no block: nothing happens, as in Extism's kernel. */
  free(offset: number): void {
    const bytes = this.#lengths.get(offset);
    if (bytes === undefined) return;
    this.#lengths.delete(offset);
    const size = occupied(bytes);
    const bucket = this.#freed.get(size);
    if (bucket === undefined) this.#freed.set(size, [offset]);
    else bucket.push(offset);
  }

  /** Bytes of the block that begins there; 0 where none does. */
  lengthOf(offset: number): number {
    return this.#lengths.get(offset) ?? 0;
  }

  /** What lies at [offset, offset + bytes), as a view good until the next `alloc`; undefined out of bounds. */
  slice(offset: number, bytes: number): Uint8Array | undefined {
    if (bytes < 0 || !this.#holds(offset, bytes)) return undefined;
    return this.#memory.subarray(offset, offset + bytes);
  }

  loadByte(offset: number): number {
    return this.#holds(offset, 1) ? this.#view.getUint8(offset) : 0;
  }

  loadWord(offset: number): bigint {
    return this.#holds(offset, WORD_BYTES) ? this.#view.getBigUint64(offset, true) : 0n;
  }

  storeByte(offset: number, value: number): void {
    if (this.#holds(offset, 1)) this.#view.setUint8(offset, value);
  }

  storeWord(offset: number, value: bigint): void {
    if (this.#holds(offset, WORD_BYTES)) this.#view.setBigUint64(offset, value, true);
  }

  reset(): void {
    // A large arena is dropped rather than kept: the runner's limit counts it.
    if (this.#memory.length > FIRST_BYTES) this.#resize(Math.min(FIRST_BYTES, this.#bytesMax));
    else this.#memory.fill(0, 0, this.#top);
    this.#top = FIRST_OFFSET;
    this.#lengths.clear();
    this.#freed.clear();
  }

  #exhausted(bytes: number): RangeError {
    return new RangeError(`the arena has no ${bytes} bytes left of its ${this.#bytesMax}`);
  }

  #holds(offset: number, bytes: number): boolean {
    return offset >= FIRST_OFFSET && offset + bytes <= this.#top;
  }

  #resize(bytes: number): void {
    this.#memory = new Uint8Array(bytes);
    this.#view = new DataView(this.#memory.buffer);
  }

  /** A freed block of that size, zeroed. */
  #reuse(size: number): number | undefined {
    const offset = this.#freed.get(size)?.pop();
    if (offset !== undefined) this.#memory.fill(0, offset, offset + size);
    return offset;
  }

  #extend(size: number): number | undefined {
    const offset = this.#top;
    const top = offset + size;
    if (top > this.#bytesMax) return undefined;
    if (top > this.#memory.length) {
      const before = this.#memory;
      let bytes = before.length;
      while (bytes < top) bytes *= 2;
      this.#resize(Math.min(bytes, this.#bytesMax));
      this.#memory.set(before.subarray(0, offset));
    }
    this.#top = top;
    return offset;
  }
}
