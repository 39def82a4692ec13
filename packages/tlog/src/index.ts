export type { Checkpoint, CheckpointFlaw, OpenedCheckpoint } from './checkpoint.ts';
export { checkpointText, openCheckpoint, parseCheckpointText } from './checkpoint.ts';
export type { CanonicalFlaw, CheckedLine, JsonValue } from './canonical.ts';
export { JSON_DEPTH_MAX, canonicalJson, checkCanonicalLine } from './canonical.ts';
export type { Crc32 } from './crc.ts';
export { crc32 } from './crc.ts';
export type { Entry, EntryFlaw, ParsedEntry, SequencerLine } from './entry.ts';
export {
  CALL_SIGNATURES_MAX,
  EPOCH_MAX,
  encodeEntry,
  newSequencerLine,
  parseEntry,
  readSequencerLine,
  sequencerLine,
} from './entry.ts';
export type { DecodedHeader, FrameFlaw, FrameHeader } from './frame.ts';
export {
  ENTRY_BYTES_MAX,
  ENTRY_LENGTH_BYTES,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  FRAME_HEADER_BYTES,
  decodeFrameHeader,
  encodeFrame,
  encodeFrameHeader,
  entryRanges,
  frameIsWhole,
  sealFrame,
  writeEntry,
} from './frame.ts';
export type { Hash, Sha256 } from './hash.ts';
export {
  EMPTY_ROOT,
  HASH_BYTES,
  HASH_CHARS,
  genesisLeaf,
  isHash,
  leafHash,
  leafHashInPlace,
  nodeHash,
  portableSha256,
} from './hash.ts';
export type { Primitives, Ed25519, KeyUse, PublicKey } from './key.ts';
export {
  cosignatureTimeS,
  cosigner,
  formatSkey,
  formatVkey,
  noteSigner,
  noteVerifier,
  parseSkey,
  parseVkey,
  portableEd25519,
  publicKeyOf,
} from './key.ts';
export type { HistoryRecord } from './layout.ts';
export {
  CHECKPOINT_PATH,
  HISTORY_FOLDER,
  SEGMENT_FOLDER,
  decodeHistoryRecord,
  encodeHistoryRecord,
  parseSegmentPath,
  segmentPath,
} from './layout.ts';
export type { LogSource, SourceFile } from './log-source.ts';
export type {
  NoteFlaw,
  NoteSignature,
  NoteSigner,
  NoteVerifier,
  OpenedNote,
  ParsedNote,
} from './note.ts';
export {
  NOTE_BYTES_MAX,
  NOTE_SIGNATURES_MAX,
  appendSignature,
  assembleNote,
  formatSignatureLine,
  isKeyName,
  openNote,
  parseNote,
  parseSignatureLine,
  signNote,
} from './note.ts';
export type { ParsedPolicy, Policy, PolicyFlaw, Quorum, WitnessCount } from './policy.ts';
export { POLICY_BYTES_MAX, countWitnesses, parsePolicy } from './policy.ts';
export type { CheckedProof, ProofFile } from './proof-file.ts';
export { checkProofFile, formatProofFile, parseProofFile } from './proof-file.ts';
export type { ReadNode } from './proof.ts';
export {
  PROOF_HASHES_MAX,
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts';
export { nodesOfTiles, tilesForConsistency, tilesForInclusion } from './stored-tree.ts';
export type { TileId, TilePath } from './tile.ts';
export {
  TILE_HEIGHT,
  TILE_WIDTH,
  bundlePath,
  decodeBundle,
  encodeBundle,
  isTileSized,
  parseTilePath,
  partialTiles,
  tilePath,
  tilesBetween,
} from './tile.ts';
export type { OnTile, TreeOptions } from './tree.ts';
export { Tree } from './tree.ts';
export type { Anchored, BadCode, FirstBad, VerifyReport } from './verify-report.ts';
export type { VerifierPrimitives, VerifyOptions } from './verify.ts';
export { verifyLog } from './verify.ts';
