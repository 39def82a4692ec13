import { byteAt } from './bytes.ts';
import type { SequencerLine } from './entry.ts';
import { HASH_CHARS, type Hash } from './hash.ts';

// The sequencer line that an honest log has next differs from the one before in its index, the
// link and the time, most often in its milliseconds alone. So it is foretold and compared byte by
// byte, which costs half of what reading it does. This only ever says yes: whatever it does not
// recognise is read with the whole grammar.

const VERSION_CHARS = 11;
const INDEX_DIGITS_MAX = 16;
const TIME_CHARS = 24;
/** `YYYY-MM-DDTHH:MM:SS.` */
const SECOND_CHARS = 20;
const EPOCH_DIGITS_MAX = 10;
const LINE_CHARS_MAX =
  VERSION_CHARS + INDEX_DIGITS_MAX + 1 + HASH_CHARS + 1 + TIME_CHARS + 1 + EPOCH_DIGITS_MAX + 1;
const ZERO = 0x30;
const NINE = 0x39;

/** Foretells sequencer lines, each from the one before. */
export class NextLine {
  readonly #bytes = new Uint8Array(LINE_CHARS_MAX);
  /** Characters of the line; 0 where nothing is foretold. */
  #chars = 0;
  #indexEnd = 0;
  #ms = 0;

  /** Takes the line at [start, `line.endOffset`), which was read and found good: the grammar bounds its length. */
  learn(bytes: Uint8Array, start: number, line: SequencerLine): void {
    const chars = line.endOffset - start;
    this.#chars = 0;
    for (let i = 0; i < chars; i += 1) this.#bytes[i] = byteAt(bytes, start + i);
    this.#indexEnd = line.previousLeafOffset - 1 - start;
    this.#ms = line.atMs % 1000;
    this.#chars = chars;
  }

  /** Whether the entry at [start, end) begins with the line after `line`, naming `link`, at a time
      in the same second; `line` is then that line, else as it was. */
  matches(
    bytes: Uint8Array,
    entry: { readonly start: number; readonly end: number },
    link: Hash,
    line: SequencerLine,
  ): boolean {
    const { start, end } = entry;
    const chars = this.#chars;
    if (chars === 0 || start + chars > end || !this.#countUp()) return false;
    const own = this.#bytes;
    const linkAt = this.#indexEnd + 1;
    const timeAt = linkAt + HASH_CHARS + 1;
    const msAt = timeAt + SECOND_CHARS;
    let difference = 0;
    for (let i = 0; i < linkAt; i += 1) difference |= byteAt(bytes, start + i) ^ byteAt(own, i);
    for (let i = 0; i < HASH_CHARS; i += 1) {
      difference |= byteAt(bytes, start + linkAt + i) ^ link.charCodeAt(i);
    }
    for (let i = timeAt - 1; i < msAt; i += 1)
      difference |= byteAt(bytes, start + i) ^ byteAt(own, i);
    for (let i = msAt + 3; i < chars; i += 1)
      difference |= byteAt(bytes, start + i) ^ byteAt(own, i);
    const hundreds = byteAt(bytes, start + msAt) - ZERO;
    const tens = byteAt(bytes, start + msAt + 1) - ZERO;
    const ones = byteAt(bytes, start + msAt + 2) - ZERO;
    const wrong = hundreds | tens | ones | (9 - hundreds) | (9 - tens) | (9 - ones);
    if (difference !== 0 || wrong < 0) {
      this.#chars = 0;
      return false;
    }
    const ms = hundreds * 100 + tens * 10 + ones;
    line.index += 1;
    line.previousLeafOffset = start + linkAt;
    line.atMs += ms - this.#ms;
    line.endOffset = start + chars;
    this.#ms = ms;
    return true;
  }

  /** Adds one to the index; false where it gets longer. */
  #countUp(): boolean {
    const bytes = this.#bytes;
    for (let at = this.#indexEnd - 1; at >= VERSION_CHARS; at -= 1) {
      if (bytes[at] !== NINE) {
        bytes[at] = byteAt(bytes, at) + 1;
        return true;
      }
      bytes[at] = ZERO;
    }
    this.#chars = 0;
    return false;
  }
}
