/** What a view is: one operation's output as text for people. */
import type { OperationName, OutputOf } from '@infrafabric/protocol';
import type { Terminal } from './terminal.ts';

type View<N extends OperationName> = (
  output: OutputOf<N>,
  terminal: Terminal,
  nowMs: number,
) => string;

export type Views = { readonly [N in OperationName]?: View<N> };
