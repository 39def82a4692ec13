/** Where a command's words go: data to stdout, all else to stderr; as text or as JSON. */
import type { Io } from '../io.ts';
import { printableJson } from '../plans/report/printable.ts';
import { problemText } from './problem.ts';
import type { CliProblem } from './problem.ts';
import { createTerminal, wantsColour } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export interface OutputFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean | undefined;
}

/** A pipe has no width: nothing is cut on its way into another program. */
const PIPE_COLUMNS = 10_000;

export class Output {
  readonly isJson: boolean;
  /** How data looks. */
  readonly terminal: Terminal;
  readonly #io: Io;
  readonly #quiet: boolean;

  constructor(io: Io, { json, quiet, color }: OutputFlags) {
    this.#io = io;
    this.#quiet = quiet;
    this.isJson = json;
    const { stdout } = io;
    const columns = stdout.isTerminal ? stdout.columns : PIPE_COLUMNS;
    this.terminal = createTerminal(wantsColour(stdout, io.env, color), columns);
  }

  /** The command's answer: one JSON value on one line, or text. A stream calls it once an item (NDJSON). */
  data(value: unknown, text: (terminal: Terminal) => string): void {
    if (this.isJson) this.#io.stdout.write(`${printableJson(JSON.stringify(value))}\n`);
    else this.#io.stdout.write(text(this.terminal));
  }

  /** For the person who waits: progress, hints. Silent with --quiet. */
  note(text: string): void {
    if (!this.#quiet) this.#io.stderr.write(`${text}\n`);
  }

  problem(problem: CliProblem): void {
    const { next, ...rest } = problem;
    this.#io.stderr.write(
      this.isJson
        ? `${printableJson(JSON.stringify(next === undefined ? rest : { ...rest, next }))}\n`
        : problemText(problem),
    );
  }
}
