/** Every event of the plan as one JSON object a line on stdout. */
import type { Io } from '../../io.ts';
import { printable, printableJson } from '../../plans/index.ts';
import type { RunView } from './view.ts';

export function jsonView(io: Io): RunView {
  return {
    event: ({ cursor, index, at, type, event }) => {
      const json = JSON.stringify({ ...event, type, cursor, index, at });
      io.stdout.write(`${printableJson(json)}\n`);
    },
    note: (text) => io.stderr.write(`${printable(text)}\n`),
    pause: (during) => during(),
    close: () => undefined,
  };
}
