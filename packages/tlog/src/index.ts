export type { Checkpoint, CheckpointFlaw, OpenedCheckpoint } from './checkpoint.ts';
export { checkpointText, openCheckpoint, parseCheckpointText } from './checkpoint.ts';
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
export type { ReadNode } from './proof.ts';
export {
  PROOF_HASHES_MAX,
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts';
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
