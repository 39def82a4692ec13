/**
 * The memory that a guest and the kernel exchange bytes in: blocks by offset, 0 is none.
 *
 * A1  It never exceeds its bound, and no offset reaches outside of what was given out.
 * A2  After `reset` every byte is zero again: nothing of one run is there in the next.
 */

export interface Arena {
  /** Offset of a fresh block; 0 for no bytes. Throws where the arena is exhausted. */
  alloc(bytes: number): number;
  /** Of an offset that is no block: nothing happens, as in Extism's kernel. */
  free(offset: number): void;
  /** Bytes of the block that begins there; 0 where none does. */
  lengthOf(offset: number): number;
  /** What lies at [offset, offset + bytes), as a view good until the next `alloc`; undefined out of bounds. */
  slice(offset: number, bytes: number): Uint8Array | undefined;
  loadByte(offset: number): number;
  loadWord(offset: number): bigint;
  storeByte(offset: number, value: number): void;
  storeWord(offset: number, value: bigint): void;
  reset(): void;
}

/** Bytes of the arena, 16 MiB: input, output, variables' copies and bodies of a run. */
export const ARENA_BYTES_MAX = 16 * 1024 * 1024;
/** Blocks at once. Each costs the runner's JavaScript heap about 100 bytes, and that has 64 MiB. */
export const ARENA_BLOCKS_MAX = 65_536;
/** Bytes before it has to grow: most runs exchange less. */
const FIRST_BYTES = 64 * 1024;
/** No block begins below; 0 must stay nothing. */
const FIRST_OFFSET = 16;
/** Blocks up to here are rounded to powers of two, larger ones to multiples of it. */
const ROUND_BYTES = 64 * 1024;

/** Bytes that a block of that length occupies: few different sizes, so that a freed one fits another. */
const occupied = (bytes: number): number => {
  if (bytes > ROUND_BYTES) return Math.ceil(bytes / ROUND_BYTES) * ROUND_BYTES;
  let size = FIRST_OFFSET;
  while (size < bytes) size *= 2;
  return size;
};

export const createArena = ({
  bytesMax = ARENA_BYTES_MAX,
  blocksMax = ARENA_BLOCKS_MAX,
} = {}): Arena => {
  let memory = new Uint8Array(Math.min(FIRST_BYTES, bytesMax));
  let view = new DataView(memory.buffer);
  /** Everything given out so far lies in [FIRST_OFFSET, top). */
  let top = FIRST_OFFSET;
  const lengths = new Map<number, number>();
  /** Offsets of freed blocks by the bytes that they occupy. */
  const freed = new Map<number, number[]>();

  const grow = (bytes: number): void => {
    let size = memory.length;
    while (size < bytes) size *= 2;
    const larger = new Uint8Array(Math.min(size, bytesMax));
    larger.set(memory.subarray(0, top));
    memory = larger;
    view = new DataView(memory.buffer);
  };

  const reuse = (size: number): number | undefined => {
    const offset = freed.get(size)?.pop();
    if (offset !== undefined) memory.fill(0, offset, offset + size);
    return offset;
  };

  const within = (offset: number, bytes: number): boolean =>
    offset >= FIRST_OFFSET && offset + bytes <= top;

  return {
    alloc(bytes) {
      if (bytes === 0) return 0;
      const size = occupied(bytes);
      if (lengths.size >= blocksMax)
        throw new RangeError(`the arena holds ${blocksMax} blocks, its limit`);
      let offset = reuse(size);
      if (offset === undefined) {
        // A negative or absurd length is refused here too: the comparison is false for NaN only, which i64 has not.
        if (!(bytes > 0 && top + size <= bytesMax))
          throw new RangeError(`the arena has no ${bytes} bytes left of its ${bytesMax}`);
        if (top + size > memory.length) grow(top + size);
        offset = top;
        top += size;
      }
      lengths.set(offset, bytes);
      return offset;
    },
    free(offset) {
      const bytes = lengths.get(offset);
      if (bytes === undefined) return;
      lengths.delete(offset);
      const size = occupied(bytes);
      const bucket = freed.get(size);
      if (bucket === undefined) freed.set(size, [offset]);
      else bucket.push(offset);
    },
    lengthOf: (offset) => lengths.get(offset) ?? 0,
    slice: (offset, bytes) =>
      bytes >= 0 && within(offset, bytes) ? memory.subarray(offset, offset + bytes) : undefined,
    loadByte: (offset) => (within(offset, 1) ? view.getUint8(offset) : 0),
    loadWord: (offset) => (within(offset, 8) ? view.getBigUint64(offset, true) : 0n),
    storeByte(offset, value) {
      if (within(offset, 1)) view.setUint8(offset, value);
    },
    storeWord(offset, value) {
      if (within(offset, 8)) view.setBigUint64(offset, value, true);
    },
    reset() {
      // A large arena is dropped rather than kept: the runner's limit counts it.
      if (memory.length > FIRST_BYTES) {
        memory = new Uint8Array(Math.min(FIRST_BYTES, bytesMax));
        view = new DataView(memory.buffer);
      } else memory.fill(0, 0, top);
      top = FIRST_OFFSET;
      lengths.clear();
      freed.clear();
    },
  };
};
