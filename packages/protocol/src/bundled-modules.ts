/**
 * Modules that are built with the fabric, by digest: of them the policy asks for isolation level 1 only, so that the
 * examples run where no jail can be had. A contract or a task may still ask for more.
 */
export const BUNDLED_MODULES: Readonly<Record<string, string>> = {
  'sha256:dccd7babcbd024dcfde8dd8de11e97987f6291523d629b798b2e052b4f9885dd': 'word-count',
  'sha256:53e1affd3a5094fb0e1f9cd66a20979d26c5532adfd338fe930f40cec5705643': 'upper-case',
  'sha256:dd43de5ca1a3a226786f4b6a45735cb5aaece0784963aee71c61b4c9b77d8cf8': 'tally',
  'sha256:98fda9d2ab93bf0a6fd95e566739fb6cd4dc5dfd06884ec49531cd77fe6771cf': 'triage',
};

export const isBundledModule = (digest: string): boolean => Object.hasOwn(BUNDLED_MODULES, digest);
