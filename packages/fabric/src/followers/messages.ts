/** What the leader's thread and the followers' thread say to each other. */
import { isErrorCode, type ErrorCode, type Rejection } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { PublishedCheckpoint } from './checkpointer.ts';
import type { FollowerLag, FollowerSet } from './follower-set.ts';
import type { HashedState } from './fold-follower.ts';
import type { WitnessProof } from './proof-reads.ts';
import type { WitnessQuery, WitnessRows } from './query-rows.ts';
import type {
  BurnAnswer,
  EntriesAnswer,
  EntriesAsk,
  HistoryAnswer,
  HistoryAsk,
  ReportAnswer,
  ReportAsk,
  UsageFilter,
} from './usage-answers.ts';

/** What the thread is started with. */
export interface WorkerStart {
  readonly dataFolder: string;
  readonly origin: string;
  readonly logKey: string;
  /** Entries that are durable now. */
  readonly size: number;
  readonly snapshotEveryEntries?: number;
}

/** Questions and what they are answered with. */
export interface Questions {
  readonly query: { readonly ask: WitnessQuery; readonly answer: WitnessRows };
  readonly proof: { readonly ask: number; readonly answer: WitnessProof | Rejection };
  readonly checkpoint: {
    readonly ask: undefined;
    readonly answer: PublishedCheckpoint | Rejection;
  };
  readonly tile: { readonly ask: string; readonly answer: Uint8Array | undefined };
  readonly costsReport: { readonly ask: ReportAsk; readonly answer: ReportAnswer | Rejection };
  readonly costsHistory: { readonly ask: HistoryAsk; readonly answer: HistoryAnswer | Rejection };
  readonly costsEntries: { readonly ask: EntriesAsk; readonly answer: EntriesAnswer | Rejection };
  readonly costsBurn: { readonly ask: UsageFilter; readonly answer: BurnAnswer };
  readonly lag: { readonly ask: undefined; readonly answer: FollowerLag };
  readonly snapshot: { readonly ask: undefined; readonly answer: HashedState | undefined };
  readonly close: { readonly ask: undefined; readonly answer: undefined };
}

export type Question = keyof Questions;

export type Asked = {
  readonly [Q in Question]: { readonly question: Q; readonly ask: Questions[Q]['ask'] };
}[Question];

export type ToWorker =
  | { readonly type: 'told'; readonly size: number }
  | { readonly type: 'asked'; readonly id: number; readonly asked: Asked };

/** A fault as it crosses a thread. */
export interface SentFault {
  readonly code: string;
  readonly transient: boolean;
  readonly detail: string;
}

export type FromWorker =
  | { readonly type: 'answered'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly fault: SentFault }
  | { readonly type: 'hashed'; readonly state: HashedState }
  | { readonly type: 'fault'; readonly name: string; readonly fault: SentFault };

/** Answers a question from the set. Rejects with its faults. */
export async function answerOf(set: FollowerSet, asked: Asked): Promise<unknown> {
  switch (asked.question) {
    case 'query':
      await set.settled();
      return set.queries.query(asked.ask);
    case 'proof':
      await set.settled();
      return set.proofs.proof(asked.ask);
    case 'checkpoint':
      return set.proofs.checkpoint();
    case 'tile':
      return set.proofs.tile(asked.ask);
    case 'costsReport':
      await set.settled();
      return set.usage.report(asked.ask);
    case 'costsHistory':
      await set.settled();
      return set.usage.history(asked.ask);
    case 'costsEntries':
      await set.settled();
      return set.usage.entries(asked.ask);
    case 'costsBurn':
      await set.settled();
      return set.usage.burn(asked.ask);
    case 'lag':
      return set.lag();
    case 'snapshot':
      return set.snapshot();
    case 'close':
      return set.close();
  }
}

export function sentFault(cause: unknown): SentFault {
  if (cause instanceof Fault) {
    return { code: cause.code, transient: cause.transient, detail: cause.detail };
  }
  const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return { code: 'log.unavailable', transient: true, detail };
}

export function receivedFault({ code, transient, detail }: SentFault): Fault {
  const known: ErrorCode = isErrorCode(code) ? code : 'log.unavailable';
  return new Fault(known, { transient, detail });
}
