export interface SourceFile {
  /** Relative to the realm's folder, with slashes. */
  readonly path: string;
  /** The bytes in order, in pieces of any size; called once. The pieces are not kept. */
  readonly chunks: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A log to read: a folder, a mirror, memory. The writer orders journal, then `checkpoint`, then
    history; so of a log that is being written, a source takes the lengths of the history files
    first, reads `checkpoint` next and segments last, or the log seems to run behind itself. */
export interface LogSource {
  /** `journal/*.seg`, ascending by name. */
  readonly segments: () => AsyncIterable<SourceFile>;
  /** `checkpoints/*.notes`, ascending by name. */
  readonly histories: () => AsyncIterable<SourceFile>;
  /** A small file, or `undefined` where there is none. Of a file longer than `bytesMax` it may give
      the first `bytesMax` + 1 bytes. */
  readonly read: (path: string, bytesMax: number) => Promise<Uint8Array | undefined>;
}
