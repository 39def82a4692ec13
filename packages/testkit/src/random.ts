/** Randomness by seed: the same seed gives the same run on every machine. */
export interface Random {
  /** An integer in [0, below). */
  below(below: number): number;
  /** True `share` of the time. */
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

/** sfc32 by Chris Doty-Humphrey (PractRand): passes its tests, 32-bit arithmetic only. */
export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  let b = Math.trunc(seed / 2 ** 32) >>> 0;
  let c = 0x9e37_79b9;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // The first rounds still show the seed.
  for (let i = 0; i < 12; i += 1) next();
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    chance: (share) => next() / 2 ** 32 < share,
    pick: (from) => {
      const picked = from[below(from.length)];
      if (picked === undefined) throw new Error('defect: a pick from nothing');
      return picked;
    },
    bytes: (length) => {
      const words = new Uint32Array(Math.ceil(length / 4));
      for (let i = 0; i < words.length; i += 1) words[i] = next();
      return new Uint8Array(words.buffer, 0, length);
    },
  };
}
