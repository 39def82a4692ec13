/** The words of the containment suite: a case, what stopped it, and how a run of all cases is told. */
import type { IsolationLayer } from '@infrafabric/protocol';

/**
 * What stopped an attack: a layer of the sandbox, or one of the parts that stand around it.
 *
 * - `engine`: WebAssembly's own rules (bounds, its stack, a refused `memory.grow`) or those of QuickJS.
 * - `linker`: what a module imports is not there, or answers that it is not there.
 * - `fuel`: the counted instructions.
 * - `pipe`: the rules of the frames, kept by the parent.
 * - `broker`: the parent's side of everything that reaches the network.
 * - `tenancy`: a runner has one tenant for life, and an instance one run.
 * - `account`: what the parent measured, and the decisions that rest on it.
 */
export type Stop =
  | IsolationLayer
  | 'engine'
  | 'linker'
  | 'fuel'
  | 'pipe'
  | 'broker'
  | 'tenancy'
  | 'account';

/** How a case ended. A case that throws did not hold either. */
export type Ending =
  | {
      readonly kind: 'contained';
      readonly by: Stop;
      /** In a few words, with the figures that were measured. */
      readonly how: string;
      /** The runner's process was killed, so the next run of another swarm has to be looked at. */
      readonly killed?: boolean;
    }
  | { readonly kind: 'escaped'; readonly how: string };

export const contained = (by: Stop, how: string, { killed = false } = {}): Ending => ({
  kind: 'contained',
  by,
  how,
  killed,
});
export const escaped = (how: string): Ending => ({ kind: 'escaped', how });

export const GROUPS = [
  'cpu',
  'memory',
  'format',
  'fuel',
  'imports',
  'broker',
  'credentials',
  'isolation',
  'breach',
  'timing',
] as const;
export type Group = (typeof GROUPS)[number];

/** One case of the suite, for a ground of type `G`. Numbers are permanent. */
export interface ContainmentCase<G> {
  readonly number: number;
  readonly name: string;
  /** The layers that are meant to stop it. Another one is a surprise, and a surprise is a failure. */
  readonly by: readonly Stop[];
  readonly run: (ground: G) => Promise<Ending>;
}

/** What became of one case on one Node line. */
export interface CaseResult {
  readonly case: number;
  readonly group: Group;
  readonly name: string;
  /** `24.21.0`. */
  readonly node: string;
  readonly level: number;
  readonly verdict: 'contained' | 'surprise' | 'escaped' | 'threw' | 'not run';
  readonly by?: Stop;
  readonly how: string;
  readonly ms: number;
}

/**
 * What was left out of all layers. Without namespaces there is no bubblewrap, so no filter either: that is `level 2`.
 * For raw calls `namespaces` alone is tried as well: their program installs the same filter itself.
 */
export type LeftOut = IsolationLayer | 'none' | 'level 2';

/** One attempt of a guest that owns its runner's JavaScript or address space, under one set of layers. */
export interface Attempted {
  readonly case: number;
  readonly attempt: string;
  readonly without: LeftOut;
  readonly verdict: 'denied' | 'harmless' | 'allowed';
  /** What the runner was told, or why what was allowed does no harm. Its word, never the oracle. */
  readonly detail: string;
}

/** What one Node line was seen to do. */
export interface LineReport {
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly level: number;
  readonly layers: readonly IsolationLayer[];
  readonly results: readonly CaseResult[];
  readonly matrix: readonly Attempted[];
  readonly parent: {
    /** Resident bytes of the parent, garbage collected, before the first case and after the last. */
    readonly rssBytesBefore: number;
    readonly rssBytesAfter: number;
    /** What it grew by while runners were started, used and killed in rounds of the same kind. */
    readonly soakRounds: number;
    readonly soakBytes: number;
    /** Runs of other swarms after a kill that were right, and processes that were left behind. */
    readonly neighbourRuns: number;
    readonly orphans: number;
  };
  readonly seconds: number;
}
