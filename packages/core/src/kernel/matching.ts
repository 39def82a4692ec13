/**
 * Whether somebody can do what is needed: the share of the needs that they have, |S∩R| ÷ |R| (a containment, not the
 * Jaccard similarity: whoever can do more than is asked is no worse for it). Shares are thousandths.
 */

/** How many of `count` needs are enough at a threshold; of a threshold of nothing one need is still asked for. */
export const enoughOf = (count: number, minMatchPermille: number): number =>
  Math.min(count, Math.max(1, Math.ceil((count * minMatchPermille) / 1_000)));

/** Share of the needs, rounded down; who needs nothing is matched by everybody. */
export const matchPermilleOf = (has: number, count: number): number =>
  count === 0 ? 1_000 : Math.floor((has * 1_000) / count);
