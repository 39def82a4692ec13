/** How a run is shown while it goes on. */
import type { FeedItem } from '@infrafabric/protocol';
import type { Board, Notice } from '../board.ts';

export interface RunView {
  /** An event of the plan, and what to say of it, if anything. */
  event(item: FeedItem, notice: Notice | undefined): void;
  /** Something that the runner itself says. */
  note(text: string): void;
  /** Puts the view away while a question is asked, and takes it up again. */
  pause<T>(during: () => Promise<T>): Promise<T>;
  /** Nothing more is drawn. */
  close(): void;
}

export type MakeView = (board: Board) => RunView;

/** Says nothing. */
export const quietView: RunView = {
  event: () => undefined,
  note: () => undefined,
  pause: (during) => during(),
  close: () => undefined,
};
