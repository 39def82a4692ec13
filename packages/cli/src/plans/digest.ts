/** The digest of a plan: equal plans have equal digests, however their files were written. */
import { digestFrom } from '@infrafabric/protocol';
import type { Digest, PlanSpec } from '@infrafabric/protocol';
import { canonicalJson } from '@infrafabric/tlog';
import type { JsonValue } from '@infrafabric/tlog';

/** SHA-256 of some bytes as 64 hex digits. */
export type Sha256Hex = (bytes: Uint8Array) => string;

/** SHA-256 over the canonical JSON (RFC 8785 for integers: keys sorted, no white space) of a parsed plan. */
export const planDigest = (plan: PlanSpec, sha256Hex: Sha256Hex): Digest => {
  // Once through JSON: absent and undefined fields become the same, and so do 0 and −0.
  const value: JsonValue = JSON.parse(JSON.stringify(plan));
  return digestFrom(sha256Hex(new TextEncoder().encode(canonicalJson(value))));
};
