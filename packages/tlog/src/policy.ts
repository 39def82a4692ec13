import { parseDecimal } from './bytes.ts';
import {
  cosignatureTimeS,
  noteVerifier,
  parseVkey,
  type Primitives,
  type PublicKey,
} from './key.ts';
import { openNote, type NoteVerifier } from './note.ts';

// C2SP tlog-policy: which logs, which witnesses, and how many of them are enough. Names of
// witnesses and groups mean something in the file only. A key of an algorithm that this package
// does not verify refuses the file: counting it as silent would weaken a quorum unnoticed.

export const POLICY_BYTES_MAX = 65_536;

/** Logs; and witnesses and groups together. C2SP asks readers for 32 of each. */
export const POLICY_NAMES_MAX = 64;

export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly name: string }
  | { readonly kind: 'group'; readonly least: number; readonly members: readonly Quorum[] };

export interface Policy {
  readonly logs: readonly PublicKey[];
  readonly witnesses: ReadonlyMap<string, NoteVerifier>;
  readonly quorum: Quorum;
}

export type PolicyFlaw =
  | 'policy_bytes'
  | 'characters'
  | 'keyword'
  | 'vkey'
  | 'duplicate'
  | 'name'
  | 'threshold'
  | 'too_many'
  | 'no_quorum';

export type ParsedPolicy =
  | { readonly kind: 'policy'; readonly policy: Policy }
  | { readonly kind: 'refused'; readonly line: number; readonly reason: PolicyFlaw };

interface Draft {
  readonly logs: PublicKey[];
  readonly keys: PublicKey[];
  readonly witnesses: Map<string, NoteVerifier>;
  readonly defined: Map<string, Quorum>;
  /** Members of some group already: each name counts in one way only. */
  readonly taken: Set<string>;
  quorum: Quorum | undefined;
}

/** Reads a policy file. Never throws; `line` counts from 1. */
export function parsePolicy(primitives: Primitives, text: string): ParsedPolicy {
  if (text.length > POLICY_BYTES_MAX) return { kind: 'refused', line: 1, reason: 'policy_bytes' };
  const draft: Draft = {
    logs: [],
    keys: [],
    witnesses: new Map(),
    defined: new Map(),
    taken: new Set(),
    quorum: undefined,
  };
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    const flaw = readLine(primitives, draft, line);
    if (flaw !== undefined) return { kind: 'refused', line: at + 1, reason: flaw };
  }
  const { logs, witnesses, quorum } = draft;
  if (quorum === undefined) return { kind: 'refused', line: lines.length, reason: 'no_quorum' };
  return { kind: 'policy', policy: { logs, witnesses, quorum } };
}

export interface WitnessCount {
  /** Names in the policy file. */
  readonly names: readonly string[];
  /** Witnesses that the policy knows. */
  readonly total: number;
  readonly isQuorum: boolean;
  /** The earliest of their cosignatures, ms since 1970; Infinity without any. */
  readonly earliestMs: number;
}

/** Which witnesses of the policy cosigned `note`, and whether they are enough. A bad cosignature
    of a known witness counts as none: the checkpoint itself is opened with the log's key. */
export function countWitnesses(policy: Policy, note: string): WitnessCount {
  const names: string[] = [];
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const [name, verifier] of policy.witnesses) {
    const opened = openNote(note, [verifier]);
    if (opened.kind === 'refused') continue;
    names.push(name);
    for (const { signature } of opened.verified) {
      earliestMs = Math.min(earliestMs, Number(cosignatureTimeS(signature)) * 1000);
    }
  }
  const isQuorum = isMet(policy.quorum, new Set(names));
  return { names, total: policy.witnesses.size, isQuorum, earliestMs };
}

function isMet(quorum: Quorum, names: ReadonlySet<string>): boolean {
  switch (quorum.kind) {
    case 'none':
      return true;
    case 'witness':
      return names.has(quorum.name);
    case 'group':
      return quorum.members.filter((member) => isMet(member, names)).length >= quorum.least;
  }
}

function readLine(primitives: Primitives, draft: Draft, line: string): PolicyFlaw | undefined {
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) return 'characters';
  const [keyword = '', ...words] = line.split(/[ \t]+/).filter((word) => word !== '');
  if (keyword === '' || keyword.startsWith('#')) return undefined;
  switch (keyword) {
    case 'log':
      return readLog(primitives, draft, words);
    case 'witness':
      return readWitness(primitives, draft, words);
    case 'group':
      return readGroup(draft, words);
    case 'quorum':
      return readQuorum(draft, words);
    default:
      return 'keyword';
  }
}

function readLog(
  primitives: Primitives,
  draft: Draft,
  words: readonly string[],
): PolicyFlaw | undefined {
  const [vkey = '', , ...rest] = words;
  const key = parseVkey(primitives.sha256, vkey);
  if (rest.length > 0) return 'keyword';
  if (key?.use !== 'note') return 'vkey';
  if (draft.logs.some((known) => isSameKey(known, key))) return 'duplicate';
  return draft.logs.push(key) > POLICY_NAMES_MAX ? 'too_many' : undefined;
}

function readWitness(
  primitives: Primitives,
  draft: Draft,
  words: readonly string[],
): PolicyFlaw | undefined {
  const [name = '', vkey = '', , ...rest] = words;
  const key = parseVkey(primitives.sha256, vkey);
  if (rest.length > 0) return 'keyword';
  if (key?.use !== 'cosignature') return 'vkey';
  if (draft.keys.some((known) => isSameKey(known, key))) return 'duplicate';
  draft.keys.push(key);
  draft.witnesses.set(name, noteVerifier(primitives, key));
  return define(draft, name, { kind: 'witness', name });
}

function readGroup(draft: Draft, words: readonly string[]): PolicyFlaw | undefined {
  const [name = '', threshold = '', ...memberNames] = words;
  const members: Quorum[] = [];
  for (const memberName of memberNames) {
    const member = draft.defined.get(memberName);
    if (member === undefined || draft.taken.has(memberName)) return 'name';
    draft.taken.add(memberName);
    members.push(member);
  }
  const least = leastOf(threshold, members.length);
  if (least === undefined || least < 1 || least > members.length) return 'threshold';
  return define(draft, name, { kind: 'group', least, members });
}

function readQuorum(draft: Draft, words: readonly string[]): PolicyFlaw | undefined {
  const [name = '', ...rest] = words;
  if (rest.length > 0) return 'keyword';
  if (draft.quorum !== undefined) return 'duplicate';
  const quorum: Quorum | undefined = name === 'none' ? { kind: 'none' } : draft.defined.get(name);
  draft.quorum = quorum;
  return quorum === undefined ? 'name' : undefined;
}

function define(draft: Draft, name: string, quorum: Quorum): PolicyFlaw | undefined {
  if (name === 'none' || draft.defined.has(name)) return 'duplicate';
  draft.defined.set(name, quorum);
  return draft.defined.size > POLICY_NAMES_MAX ? 'too_many' : undefined;
}

function leastOf(threshold: string, count: number): number | undefined {
  if (threshold === 'any') return 1;
  return threshold === 'all' ? count : parseDecimal(threshold);
}

/** Duplicate means the same point, whatever its name or id. */
function isSameKey(left: PublicKey, right: PublicKey): boolean {
  return left.bytes.every((byte, at) => byte === right.bytes[at]);
}
