export { Config, explainConfig, maskedConfig, readConfig, systemInputs } from './config.ts';
export type {
  ConfigExplanation,
  ConfigInputs,
  ConfigKey,
  ConfigSource,
  LoadedConfig,
} from './config.ts';
export { Fault } from './fault.ts';
export type { FaultContext } from './fault.ts';
export type {
  Appended,
  Batch,
  Conflict,
  Durability,
  Frame,
  FrameLimit,
  Head,
  Journal,
  Position,
} from './ports/journal.ts';
export {
  BATCH_BYTES_MAX,
  ENTRY_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
} from './ports/journal.ts';
export { scriptedFaults } from './adapters/journal-memory/faults.ts';
export type { AppendFault, AppendFaults } from './adapters/journal-memory/faults.ts';
export { openMemoryJournal } from './adapters/journal-memory/journal.ts';
export { MemoryLog } from './adapters/journal-memory/log.ts';
export { localFileSystem, nodeDisk } from './adapters/disk-node.ts';
export { NODE_PORTS, openFileJournal } from './adapters/journal-file/journal.ts';
export type {
  FileJournal,
  FileJournalOptions,
  FileJournalPorts,
  RecoveryReport,
} from './adapters/journal-file/journal.ts';
export { openSecretKeeper, openSecretStore, secretPlace } from './chassis/secrets.ts';
export type { SecretStoreParts } from './chassis/secrets.ts';
export { SecretsConfig } from './chassis/secrets-config.ts';
export type { ListedSecret, SecretKeeper } from './adapters/secrets-file/keeper.ts';
export { readSecretRef, SECRET_BYTES_MAX, secretRefText } from './ports/secret-store.ts';
export type { Secret, SecretRef, SecretStore } from './ports/secret-store.ts';
export { openJournalReader } from './adapters/journal-file/reader.ts';
export type { JournalReader } from './adapters/journal-file/reader.ts';
export type { Disk, DiskFile } from './ports/disk.ts';
export { memoryBlobs, openBlobFolder } from './engine/blob-folder.ts';
export type { Call, Committed, OnOutcome, Outcome, Submission } from './engine/call.ts';
export { ManualClock, systemClock } from './engine/clock.ts';
export type { Clock } from './engine/clock.ts';
export { openDataFolder } from './engine/data-folder.ts';
export type { DataFolder } from './engine/data-folder.ts';
export { frameEntries, readFrame } from './engine/entry-reader.ts';
export type { StoredEntry } from './engine/entry-reader.ts';
export { callText, eventListText } from './engine/entry-text.ts';
export { entryWriter } from './engine/entry-writer.ts';
export type {
  Authenticated,
  CallOptions,
  Fabric,
  Principal,
  Readiness,
  Replied,
  Reply,
  WaitFor,
} from './engine/fabric.ts';
export { LaggingReader } from './engine/feed.ts';
export type {
  Follower,
  FollowerContext,
  FollowerLag,
  MakeFollowers,
  Snapshot,
  WitnessReads,
} from './engine/follower.ts';
export { openFabric } from './engine/open.ts';
export type { Figures, LeadingFabric, OpenOptions } from './engine/open.ts';
export { openFolderFabric } from './engine/open-folder.ts';
export type { FolderFabric, FolderFabricOptions } from './engine/open-folder.ts';
export { createMemoryRealm, openMemoryFabric } from './engine/open-memory.ts';
export type { MemoryFabricOptions, MemoryRealm } from './engine/open-memory.ts';
export { silentLog, systemRandom } from './engine/ports.ts';
export type { BlobStore, Log, Random } from './engine/ports.ts';
export { replay } from './engine/recovery.ts';
export type { Replayed, ReplaySource } from './engine/recovery.ts';
export { createTokens, idempotencyDigest, sha256Hex } from './engine/tokens.ts';
export type { Tokens, TokenSecrets } from './engine/tokens.ts';
export { nodePrimitives } from './followers/node-crypto.ts';
export { memoryDisk } from './followers/memory-disk.ts';
export type { MemoryDisk } from './followers/memory-disk.ts';
export { readSigned } from './followers/signed-state.ts';
export type { Signed } from './followers/signed-state.ts';
export { startSnapshot } from './followers/start-snapshot.ts';
export { makeWitness } from './followers/witness-follower.ts';
export type { WitnessFollower, WitnessOptions } from './followers/witness-follower.ts';
export { replayFolder } from './witness/replay.ts';
export type { Divergence, ReplayOptions, ReplayReport } from './witness/replay.ts';
export { sampleLogKey, writeSampleRealm } from './witness/sample-realm.ts';
export type { SampleLogKey, SampleRealm, SampleRealmOptions } from './witness/sample-realm.ts';
export { verifyFolder } from './witness/verify.ts';
export type { FolderReport, VerifyFolderOptions, VerifyLevel } from './witness/verify.ts';
export { startHttp } from './surfaces/http/start-http.ts';
export type { HttpOptions, HttpSurface } from './surfaces/http/start-http.ts';
export { clientCaller, mountMcp, serveMcpStdio } from './surfaces/mcp/index.ts';
export type {
  McpMount,
  McpStdioOptions,
  OperationClient,
  ToolCaller,
} from './surfaces/mcp/index.ts';
export {
  celConditions,
  checkCondition,
  conditionMutants,
} from './adapters/conditions-cel/index.ts';
export type { ConditionIssue, ConditionMutant } from './adapters/conditions-cel/index.ts';
export {
  compilePolicy,
  explainAction,
  factsOfTest,
  judgeAction,
  runRuleTests,
  testRule,
} from '@infrafabric/core';
export type { CompiledPolicy, RuleTestResult, Verdict } from '@infrafabric/core';
export { startNotifications } from './effects/notifications.ts';
export type { Notifications } from './effects/notifications.ts';
export { cursorFolder } from './effects/cursors.ts';
export { notifiersOf } from './effects/notifiers.ts';
