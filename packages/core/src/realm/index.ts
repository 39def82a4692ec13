/** The realm's door. */
export { decideOpenRealm, decideRecordStateHash } from './realm.ts';
export {
  answeredBy,
  createRealm,
  evolveEntry,
  evolveRealm,
  realmSections,
  restoreRealm,
} from './state.ts';
export type { RealmState } from './state.ts';
