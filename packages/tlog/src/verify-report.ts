import type { Checkpoint } from './checkpoint.ts';
import type { Hash } from './hash.ts';

/** `journal.damaged`: bytes that no leader wrote so, as disks and crashes leave them.
    `witness.tampered`: bytes that are whole in themselves and contradict the log.
    `witness.unanchored`: nothing wrong, but less was shown than the caller asked for. */
export type BadCode = 'witness.tampered' | 'journal.damaged' | 'witness.unanchored';

export interface FirstBad {
  /** The first leaf that is not vouched for. */
  readonly index: number;
  readonly file: string;
  /** A word for people and tests; programs go by the code. */
  readonly reason: string;
  readonly code: BadCode;
}

/** What the answer rests on. UNANCHORED: on the folder alone. ANCHORED: on a checkpoint under a log
    key or held by the caller. WITNESSED k/n: also on k of the policy's n witnesses, a quorum. */
export type Anchored = 'UNANCHORED' | 'ANCHORED' | `WITNESSED ${number}/${number}`;

export interface VerifyReport {
  readonly ok: boolean;
  readonly anchored: Anchored;
  /** Entries that were checked, and their root. */
  readonly size: number;
  readonly root: Hash;
  readonly firstBad: FirstBad | undefined;
  /** The folder's newest checkpoint, once its root was found to be the tree's. Entries behind it
      rest on the chain alone. */
  readonly checkpoint: Checkpoint | undefined;
  /** Checkpoints whose root was compared, the newest included. */
  readonly checkpointsChecked: number;
  readonly tilesChecked: number;
  readonly tilesMissing: number;
  /** Names, of the policy file, of the witnesses that cosigned the newest checkpoint. */
  readonly witnesses: readonly string[];
  /** How far the newest entry's time lies after the earliest cosignature of a checkpoint that
      covers it; 0 is as it should be, more than clocks differ is a lie about time. */
  readonly inversionMs: number;
  /** Bytes of an unfinished write behind the last whole frame, covered by no checkpoint. */
  readonly tornTailBytes: number;
}
