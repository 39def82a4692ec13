import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { genesisLeaf, leafHash, sequencerLine, type Hash } from '@infrafabric/tlog';

export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes, 'base64');

/** The realm of every crash run. */
export const GENESIS_LEAF = genesisLeaf(sha256, {
  origin: 'example.org/ifab/crash',
  vkey: 'example.org/ifab/crash+00000000+AAAA',
});

/** Bytes of an entry: a claim with everything in it. */
export const ENTRY_BYTES = 540;

const AT = '2026-11-21T08:00:00.140Z';
const CALL = '{"args":{"leaseMs":30000},"op":"tasks.claim"}\n';

/** An entry of the log's grammar, padded to `ENTRY_BYTES`. */
export function claimEntry(index: number, previousLeaf: Hash, epoch: number): Buffer {
  const line = sequencerLine(index, previousLeaf, AT, epoch);
  const open = `{"events":[{"task":"task_${index}","type":"task.claimed"}],"pad":"`;
  const pad = ENTRY_BYTES - line.length - open.length - CALL.length - 3;
  return Buffer.from(`${line}${open}${'x'.repeat(pad)}"}\n${CALL}`, 'latin1');
}

export const leafOf = (entry: Uint8Array): Hash => leafHash(sha256, entry);
