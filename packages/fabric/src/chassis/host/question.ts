/** A turn with one answer: is the module admitted, was it loaded, what did the probe find. */
import { encodeFrame, type FROM_RUNNER, type TO_RUNNER } from '../frame.ts';
import type { Conversation } from './conversation.ts';
import type { Ending } from './runner-process.ts';
import type { WatchLimits } from './watch/watchdog.ts';

export interface Question<T> {
  readonly type: (typeof TO_RUNNER)[keyof typeof TO_RUNNER];
  readonly payload: Uint8Array;
  readonly expects: (typeof FROM_RUNNER)[keyof typeof FROM_RUNNER];
  /** Undefined where the answer is none. */
  readonly read: (payload: Uint8Array) => T | undefined;
  readonly limits: WatchLimits;
}

/** `ended`: the runner is gone, by what it did or by a limit. */
export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'ended'; readonly ending: Ending };

export const ask = <T>(conversation: Conversation, question: Question<T>): Promise<Answer<T>> => {
  const { ending } = conversation;
  if (ending !== undefined) return Promise.resolve({ kind: 'ended', ending });
  return new Promise((resolve) => {
    let value: T | undefined;
    conversation.begin(
      {
        take(type, payload) {
          if (type !== question.expects) return 'violation';
          value = question.read(payload);
          return value === undefined ? 'violation' : 'end';
        },
        oversize: () => ({ cause: 'protocol', detail: 'an answer that is too long' }),
        settle(_use, ended) {
          if (ended !== undefined) resolve({ kind: 'ended', ending: ended });
          else if (value !== undefined) resolve({ kind: 'answered', value });
        },
      },
      encodeFrame(question.type, question.payload),
      question.limits,
    );
  });
};
