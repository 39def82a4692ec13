/** Signs of capabilities in a repository, and how sure several of them make one. */

/** Where a sign was seen. Signs of one kind repeat each other; signs of different kinds add up. */
export type SignKind = 'files' | 'project' | 'dependency' | 'import' | 'module';

export interface Sign {
  readonly capability: string;
  readonly kind: SignKind;
  /** How sure this sign alone makes it, 0 to 1000. */
  readonly weightPermille: number;
  /** Where; text of the repository. */
  readonly path: string;
  readonly why: string;
}

/** Nothing that a program concludes is certain; a person says so. */
export const CONFIDENCE_PERMILLE_MAX = 990;

/**
 * Confidence of signs that are independent by kind: one minus the product of what each kind leaves open (noisy or;
 * J. Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, 4.3.2). Of each kind the strongest counts.
 */
export const confidenceOf = (signs: readonly Sign[]): number => {
  const strongest = new Map<SignKind, number>();
  for (const { kind, weightPermille } of signs) {
    strongest.set(kind, Math.max(strongest.get(kind) ?? 0, weightPermille));
  }
  let open = 1;
  for (const weight of strongest.values()) open *= 1 - weight / 1_000;
  return Math.min(CONFIDENCE_PERMILLE_MAX, Math.round((1 - open) * 1_000));
};
