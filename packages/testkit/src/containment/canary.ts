/**
 * Looks for a secret where it must not be: as it is, and as whoever wants to hide it might write it down.
 *
 * Memory is read through /proc/PID/mem over the readable ranges of /proc/PID/maps (proc(5)) while the process is
 * stopped, so that nothing moves between two reads.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes read at a time; the end of one part is looked at again with the next. */
const PART_BYTES = 4 * 1024 * 1024;

export interface Needle {
  readonly form: string;
  readonly bytes: Buffer;
}

/** A substring of base64 that does not depend on what stands before or after: the whole groups within. */
const base64At = (secret: Buffer, shift: 0 | 1 | 2): string => {
  const padded = Buffer.concat([Buffer.alloc(shift), secret]);
  const whole = padded.subarray(0, padded.length - (padded.length % 3));
  // The first group holds bytes of whatever stands before.
  return whole.toString('base64').slice(shift === 0 ? 0 : 4);
};

/** The forms of a secret that are looked for; short secrets would be found by chance. */
export const needlesOf = (secret: string): readonly Needle[] => {
  const raw = Buffer.from(secret);
  const shifts = [0, 1, 2] as const;
  const forms: readonly (readonly [string, Buffer])[] = [
    ['raw', raw],
    ['utf16', Buffer.from(secret, 'utf16le')],
    ['hex', Buffer.from(raw.toString('hex'))],
    ['HEX', Buffer.from(raw.toString('hex').toUpperCase())],
    ['reversed', Buffer.from(raw.toReversed())],
    ...shifts.flatMap((shift): readonly (readonly [string, Buffer])[] => {
      const text = base64At(raw, shift);
      const url = text.replaceAll('+', '-').replaceAll('/', '_');
      return [
        [`base64+${shift}`, Buffer.from(text)],
        ...(url === text ? [] : [[`base64url+${shift}`, Buffer.from(url)] as const]),
      ];
    }),
  ];
  return forms.map(([form, bytes]) => ({ form, bytes }));
};

export interface Hit {
  readonly form: string;
  readonly where: string;
}

/** Every occurrence, by form; `where` is said of each hit. */
export const hitsIn = (
  bytes: Uint8Array,
  needles: readonly Needle[],
  where: string,
): readonly Hit[] => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return needles.flatMap(({ form, bytes: needle }) => {
    const hits: Hit[] = [];
    for (let at = buffer.indexOf(needle); at >= 0; at = buffer.indexOf(needle, at + 1))
      hits.push({ form, where: `${where} +${at}` });
    return hits;
  });
};

export interface MemoryScan {
  readonly hits: readonly Hit[];
  readonly bytes: number;
  /** Readable ranges that the kernel nevertheless did not give (`[vvar]`): named, so that none is left out unseen. */
  readonly unread: readonly string[];
}

/** All readable memory of a process. It is stopped while it is read, and goes on afterwards. */
export const scanMemory = (pid: number, needles: readonly Needle[]): MemoryScan => {
  process.kill(pid, 'SIGSTOP');
  try {
    const memory = openSync(`/proc/${pid}/mem`, 'r');
    try {
      return scanRanges(pid, memory, needles);
    } finally {
      closeSync(memory);
    }
  } finally {
    process.kill(pid, 'SIGCONT');
  }
};

const scanRanges = (pid: number, memory: number, needles: readonly Needle[]): MemoryScan => {
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
  const part = Buffer.allocUnsafe(PART_BYTES + overlap);
  const hits: Hit[] = [];
  const unread: string[] = [];
  let bytes = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to, name = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    let kept = 0;
    for (let at = Number.parseInt(from, 16); at < end;) {
      const want = Math.min(PART_BYTES, end - at);
      const got = readRange(memory, part, kept, want, at);
      if (got === 0) {
        unread.push(`${from}-${to} ${name}`);
        break;
      }
      bytes += got;
      hits.push(...hitsIn(part.subarray(0, kept + got), needles, `${name || 'anonymous'} ${from}`));
      // What could be the first half of a needle stands before the next part; a whole one is not seen twice.
      const rest = Math.min(overlap, kept + got);
      part.copyWithin(0, kept + got - rest, kept + got);
      kept = rest;
      at += got;
    }
  }
  return { hits, bytes, unread };
};

const readRange = (
  memory: number,
  into: Buffer,
  offset: number,
  length: number,
  at: number,
): number => {
  try {
    return readSync(memory, into, offset, length, at);
  } catch {
    return 0;
  }
};

/** Every file below a folder. */
export const scanFolder = (
  folder: string,
  needles: readonly Needle[],
): { readonly hits: readonly Hit[]; readonly bytes: number } => {
  const hits: Hit[] = [];
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const content = readFileSync(path);
    bytes += content.length;
    hits.push(...hitsIn(content, needles, path));
  }
  return { hits, bytes };
};
