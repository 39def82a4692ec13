/** How the demo tells what happens: lines with the time since its start. */
import { printable, shortened } from '../../packages/cli/src/plans/index.ts';

const PAINTS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
const DETAIL_CHARS_MAX = 230;

export class Story {
  readonly #write: (text: string) => void;
  readonly #isColoured: boolean;
  /** Titles told so far. */
  readonly chapters: string[] = [];

  constructor(write: (text: string) => void, isColoured: boolean) {
    this.#write = write;
    this.#isColoured = isColoured;
  }

  /** Seconds since this process began. */
  get seconds(): number {
    return performance.now() / 1_000;
  }

  paint(paint: keyof typeof PAINTS, text: string): string {
    return this.#isColoured ? `\u001b[${PAINTS[paint]}m${text}\u001b[0m` : text;
  }

  chapter(title: string): void {
    this.chapters.push(title);
    this.#write(`\n${this.paint('bold', title)}\n`);
  }

  fact(text: string): void {
    this.#line(' ', text);
  }

  good(text: string): void {
    this.#line(this.paint('green', '✓'), text);
  }

  /** Something that was done to the fabric on purpose. */
  deed(text: string): void {
    this.#line(this.paint('yellow', '⚡'), text);
  }

  /** A refusal: who wanted what, the code, and the fabric's own words. */
  refusal(who: string, { code, detail }: { readonly code: string; readonly detail: string }): void {
    const words = shortened(printable(detail), DETAIL_CHARS_MAX);
    this.#line(this.paint('red', '✗'), `${who}: ${this.paint('red', code)}`);
    this.#write(`           ${this.paint('dim', words)}\n`);
  }

  plain(text: string): void {
    this.#write(`${text}\n`);
  }

  #line(mark: string, text: string): void {
    this.#write(
      `${this.paint('dim', `${this.seconds.toFixed(1).padStart(5)} s`)}  ${mark} ${text}\n`,
    );
  }
}
