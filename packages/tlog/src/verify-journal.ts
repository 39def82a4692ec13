import { byteAt, readU32, readU64 } from './bytes.ts';
import type { Crc32 } from './crc.ts';
import { checkEntryText, newSequencerLine, readSequencerLine } from './entry.ts';
import {
  ENTRY_LENGTH_BYTES,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  FRAME_HEADER_BYTES,
  decodeFrameHeader,
  frameIsWhole,
  type FrameHeader,
} from './frame.ts';
import { HASH_CHARS, leafHashInPlace, type Hash, type Sha256 } from './hash.ts';
import { parseSegmentPath } from './layout.ts';
import { NextLine } from './next-line.ts';
import type { Tree } from './tree.ts';
import type { BadCode, FirstBad } from './verify-report.ts';

// Reads segments as a stream of bytes and checks frames, chain and sequencer lines, leaf by leaf.
//
// J1 Each byte of each segment is a frame's, or zero behind the last frame of its segment.
// J2 Frames and entries stand in the order of their index, none missing, none twice.
// J3 Each entry names the leaf hash of the one before it; so does each frame.
// J4 Time and epoch never fall; an entry has its frame's epoch.
//
// A frame that is not whole and behind which nothing of a later index stands is an unfinished
// write (a torn tail), which recovery cuts. Whether it took something acknowledged with it, only a
// checkpoint can say: the caller compares sizes. Everything else that breaks J1–J4 is final.
//
// One buffer of two frames, no recursion, each byte looked at a fixed number of times: hostile
// bytes cost what honest ones cost.

export type Advance = 'more' | 'stop' | 'bad';

/** What the check starts from: the beginning, or the leaf where a pruned journal starts. */
export interface JournalStart {
  /** The previous leaf that the first entry must name; `undefined` where nobody knows it. */
  readonly previousLeaf: Hash | undefined;
}

/**
 * frames: at a frame header, or inside a frame while entries are left.
 * zeros: behind the segment's last frame; only zeros may follow.
 * torn: behind the first flaw; looking for anything that proves it is not a torn tail.
 */
type Phase = 'frames' | 'zeros' | 'torn';

/** Magic to first index: what makes a header plausible without its body. */
const PLAUSIBLE_BYTES = 20;
const MAGIC = 0x49465731;
const UNKNOWN_LINK = '';

export class JournalCheck {
  readonly #tree: Pick<Tree, 'append' | 'size'>;
  readonly #sha256: Sha256;
  readonly #crc32: Crc32;
  readonly #buffer = new Uint8Array(2 * FRAME_BYTES_MAX);
  readonly #words = new Int32Array(this.#buffer.buffer);
  readonly #line = newSequencerLine();
  readonly #next = new NextLine();
  readonly #entry = { start: 0, end: 0 };
  #from = 0;
  #to = 0;
  #phase: Phase = 'frames';
  #entriesLeft = 0;
  #frameEnd = 0;
  #epoch = 0;
  #file = '';
  #isSegmentStart = true;
  #link: Hash;
  #lastAtMs = 0;
  #tear: FirstBad | undefined;
  #tornBytes = 0;
  #tornZeros = 0;
  #bad: FirstBad | undefined;

  constructor(
    tree: Pick<Tree, 'append' | 'size'>,
    primitives: { readonly sha256: Sha256; readonly crc32: Crc32 },
    start: JournalStart,
  ) {
    this.#tree = tree;
    this.#sha256 = primitives.sha256;
    this.#crc32 = primitives.crc32;
    this.#link = start.previousLeaf ?? UNKNOWN_LINK;
  }

  get bad(): FirstBad | undefined {
    return this.#bad;
  }

  /** The flaw that may be a torn tail, and how many bytes up to the last that is not zero. */
  get tear(): { readonly flaw: FirstBad; readonly bytes: number } | undefined {
    return this.#tear === undefined ? undefined : { flaw: this.#tear, bytes: this.#tornBytes };
  }

  /** The time of the last entry, in ms since 1970. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  openSegment(path: string): Advance {
    this.#file = path;
    this.#from = 0;
    this.#to = 0;
    this.#isSegmentStart = true;
    if (this.#tear === undefined) this.#phase = 'frames';
    return parseSegmentPath(path) === undefined ? this.#fail('segment_name') : 'more';
  }

  /** Takes the next bytes of the segment, at most FRAME_BYTES_MAX of them, after `advance` said
      `more`. The bytes are copied. */
  push(chunk: Uint8Array): void {
    // What is left is less than one frame, so there is room once it moves to the front.
    if (this.#to + chunk.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    this.#buffer.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  /** Works on the bytes at hand until they are used up (`more`), the tree has `stopSize` leaves
      (`stop`; call again with a greater one) or something is wrong for good (`bad`; do not
      call again). */
  advance(stopSize: number): Advance {
    for (;;) {
      if (this.#entriesLeft > 0) {
        const state = this.#checkEntries(stopSize);
        if (state !== 'more') return state;
      } else if (this.#phase === 'zeros') {
        if (this.#skipZeros('after_end')) return 'more';
      } else if (this.#phase === 'torn') {
        return this.#searchBehindTear();
      } else if (!this.#openFrame()) {
        return this.#bad === undefined ? 'more' : 'bad';
      }
    }
  }

  /** The segment has no more bytes. */
  closeSegment(): Advance {
    // What is left in phase `frames` is less than its header or body says.
    if (this.#phase === 'frames' && !this.#skipZeros('short')) this.#searchBehindTear();
    // Only behind a tear are there bytes left.
    this.#countTorn(this.#to);
    return this.#bad === undefined ? 'more' : 'bad';
  }

  /** `false` when the frame at hand is incomplete, or bad. */
  #openFrame(): boolean {
    const decoded = decodeFrameHeader(this.#buffer, this.#from, this.#to);
    if (decoded.kind === 'zeros') {
      this.#phase = 'zeros';
      return true;
    }
    if (decoded.kind === 'bad') {
      if (decoded.reason === 'short') return false;
      this.#startTear(decoded.reason);
      return true;
    }
    if (!frameIsWhole(this.#buffer, this.#from, this.#crc32)) {
      this.#startTear('crc');
      return true;
    }
    // From here the frame is as somebody wrote it: no accident, and no torn tail.
    const flaw = this.#flawOfFrame(decoded.header);
    if (flaw !== undefined) {
      this.#fail(flaw);
      return false;
    }
    this.#entriesLeft = decoded.header.count;
    this.#frameEnd = decoded.endOffset;
    this.#from += FRAME_HEADER_BYTES;
    return true;
  }

  #flawOfFrame(header: FrameHeader): string | undefined {
    const size = this.#tree.size;
    if (header.firstIndex !== size) return 'frame_index';
    if (this.#isSegmentStart && parseSegmentPath(this.#file) !== size) return 'segment_index';
    if (this.#link !== UNKNOWN_LINK && header.previousLeaf !== this.#link) return 'frame_chain';
    if (header.epoch < this.#epoch) return 'frame_epoch';
    this.#isSegmentStart = false;
    this.#link = header.previousLeaf;
    this.#epoch = header.epoch;
    return undefined;
  }

  #checkEntries(stopSize: number): Advance {
    const buffer = this.#buffer;
    while (this.#entriesLeft > 0) {
      const start = this.#from + ENTRY_LENGTH_BYTES;
      const end = start + (byteAt(buffer, this.#from) << 8) + byteAt(buffer, this.#from + 1);
      if (end > this.#frameEnd || end === start) return this.#fail('lengths');
      const flaw = this.#flawOfEntry(start, end);
      if (flaw !== undefined) return this.#fail(flaw);
      const leaf = leafHashInPlace(this.#sha256, buffer, start, end);
      this.#tree.append(leaf);
      this.#link = leaf;
      this.#entriesLeft -= 1;
      this.#from = end;
      if (this.#entriesLeft === 0 && end !== this.#frameEnd) return this.#fail('lengths');
      if (this.#tree.size === stopSize) return 'stop';
    }
    return 'more';
  }

  #flawOfEntry(start: number, end: number): string | undefined {
    const line = this.#line;
    const flaw =
      this.#flawOfLine(start, end) ??
      checkEntryText(this.#buffer, line.endOffset, end, this.#words);
    if (flaw !== undefined) return flaw;
    if (line.atMs < this.#lastAtMs) return 'time';
    this.#lastAtMs = line.atMs;
    return undefined;
  }

  #flawOfLine(start: number, end: number): string | undefined {
    const buffer = this.#buffer;
    const line = this.#line;
    const entry = this.#entry;
    entry.start = start;
    entry.end = end;
    // The line before was the leaf's before, so that what is foretold has this leaf's index.
    const isForetold =
      line.epoch === this.#epoch && this.#next.matches(buffer, entry, this.#link, line);
    if (isForetold) return undefined;
    const flaw = readSequencerLine(buffer, start, end, line);
    if (flaw !== undefined) return flaw;
    if (line.index !== this.#tree.size) return 'index';
    if (!isTextAt(buffer, line.previousLeafOffset, this.#link)) return 'chain';
    if (line.epoch !== this.#epoch) return 'epoch';
    this.#next.learn(buffer, start, line);
    return undefined;
  }

  /** Whether the bytes at hand are all zero; where not, the tear starts at the first other one. */
  #skipZeros(reason: string): boolean {
    // What is left of a segment is most of it when it is young: four bytes a step.
    while (this.#from < this.#to && this.#buffer[this.#from] === 0) {
      this.#from += (this.#from & 3) === 0 && this.#words[this.#from >> 2] === 0 ? 4 : 1;
    }
    this.#from = Math.min(this.#from, this.#to);
    if (this.#from === this.#to) return true;
    this.#startTear(reason);
    return false;
  }

  #startTear(reason: string): void {
    this.#tear = this.#flaw(reason, 'journal.damaged');
    this.#phase = 'torn';
    this.#countTorn(this.#from + 1);
  }

  /** Anything that could be a frame of this or a later index proves damage in the middle. Text cannot look
      like one: it has no byte below 0x0a, and a count or length of such bytes is out of bounds. */
  #searchBehindTear(): Advance {
    for (; this.#to - this.#from >= PLAUSIBLE_BYTES; this.#countTorn(this.#from + 1)) {
      if (isPlausibleHeader(this.#buffer, this.#from, this.#tree.size)) {
        this.#bad = this.#tear;
        return 'bad';
      }
    }
    return 'more';
  }

  /** Moves on to `offset`, counting up to the last byte that is not zero. */
  #countTorn(offset: number): void {
    for (; this.#from < offset; this.#from += 1) {
      if (this.#buffer[this.#from] === 0) {
        this.#tornZeros += 1;
      } else {
        this.#tornBytes += this.#tornZeros + 1;
        this.#tornZeros = 0;
      }
    }
  }

  #fail(reason: string): Advance {
    this.#bad = this.#flaw(reason, 'witness.tampered');
    return 'bad';
  }

  #flaw(reason: string, code: BadCode): FirstBad {
    return { index: this.#tree.size, file: this.#file, reason, code };
  }
}

function isPlausibleHeader(bytes: Uint8Array, at: number, size: number): boolean {
  if (readU32(bytes, at) !== MAGIC) return false;
  const bodyBytes = readU32(bytes, at + 4);
  const count = readU32(bytes, at + 8);
  const firstIndex = readU64(bytes, at + 12);
  if (bodyBytes > FRAME_BYTES_MAX || count === 0 || count > FRAME_ENTRIES_MAX) return false;
  return firstIndex >= size && Number.isSafeInteger(firstIndex);
}

/** Whether the ASCII `text`, a digest, stands at `offset`. */
function isTextAt(bytes: Uint8Array, offset: number, text: string): boolean {
  let difference = 0;
  for (let i = 0; i < HASH_CHARS; i += 1) {
    difference |= byteAt(bytes, offset + i) ^ text.charCodeAt(i);
  }
  return difference === 0;
}
