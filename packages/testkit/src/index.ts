export {
  journalConformance,
  type JournalFactory,
  type JournalUnderTest,
} from './conformance/journal.ts';
export {
  secretsIn,
  secretStoreConformance,
  type SecretEntry,
  type SecretStoreFactory,
  type SecretStoreTraits,
  type SecretStoreUnderTest,
} from './conformance/secret-store.ts';
export { COMPARISONS } from './comparisons.ts';
export { crashLives, LawBroken, type JournalToCrash, type LivesReport } from './crash-lives.ts';
export {
  appendNext,
  batchOf,
  entriesOf,
  leafOf,
  readAll,
  TEST_GENESIS_LEAF,
  textEntries,
} from './journal-batches.ts';
export { seededRandom, type Random } from './random.ts';
export { openedRealm, RealmRun, type PlainArgs, type RunBy, type RunCommand } from './realm-run.ts';
export { runScenario } from './scenario.ts';
export { isLinearizable, type Call, type SequentialModel } from './wgl.ts';
export { historyFaults } from './history.ts';
export { deciderLaws, type DeciderUnderTest, type LawOptions } from './laws.ts';
export { contractFor } from './random-chassis.ts';
export { randomCommand, randomPauseMs, randomRunCommand } from './random-commands.ts';
export { SKILLS } from './random-sight.ts';
export {
  PowerCut,
  SECTOR_BYTES,
  SimDisk,
  type SimDiskOptions,
  type SimOperation,
} from './sim-disk.ts';
export {
  TAMPER_KINDS,
  tamperRun,
  type TamperKind,
  type TamperOptions,
  type TamperReport,
  type Undetected,
} from './tamper.ts';
export * as binary from './modules/binary.ts';
export * as bombs from './modules/bombs.ts';
export { wasmOf } from './modules/wat.ts';
export {
  startVaultServer,
  type Misbehaviour,
  type SeenRequest,
  type TokenRules,
  type VaultServer,
  type VaultServerOptions,
} from './vault-server.ts';
export { MODULE_ATTACKS, type AttackEnd, type ModuleAttack } from './modules/attacks.ts';
export { PROGRAMS, type Program } from './modules/programs.ts';
