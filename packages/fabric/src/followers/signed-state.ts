/**
 * `state/signed`: size and root of the last signature that was released.
 *
 * T1  It is on the medium before the signature leaves this process. So a leader that restarts with less than it
 *     signed knows, and never signs a second root for a size (W3).
 * T2  Two slots of one sector each are written in turn; a torn write leaves the other. Nothing but the bytes of one
 *     sector changes, so one fdatasync is enough and it writes no metadata.
 */
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { isHash } from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import type { Disk, DiskFile } from '../ports/disk.ts';
import { openOrNothing, readWhole, replaceFileDurably } from './follower-disk.ts';
import { nodeSha256 } from './node-crypto.ts';

export interface Signed {
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

const SLOT_BYTES = 512;
const SLOTS = 2;
const LINE = /^(0|[1-9]\d{0,15}) (\S{44}) (\S{44})\n\0*$/;

export const signedPath = (dataFolder: string): string => join(dataFolder, 'state', 'signed');

/**
 * The last released signature of the realm in `dataFolder`; undefined where none ever was. What opens the journal asks
 * before it leads: a log that is shorter lost entries that somebody may hold a proof of.
 * Fault `log.damaged`: the file is there and no slot is whole.
 */
export async function readSigned(disk: Disk, dataFolder: string): Promise<Signed | undefined> {
  const path = signedPath(dataFolder);
  const bytes = await readWhole(disk, path);
  if (bytes === undefined) return undefined;
  let newest: Signed | undefined;
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const signed = parseSlot(bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES));
    if (signed !== undefined && signed.size >= (newest?.size ?? 0)) newest = signed;
  }
  if (newest === undefined) {
    throw new Fault('log.damaged', { transient: false, detail: `${path}: no slot is whole` });
  }
  return newest;
}

/** Writes `state/signed`. One record at a time. */
export class SignedState {
  readonly #file: DiskFile;
  #slot: number;

  private constructor(file: DiskFile, slot: number) {
    this.#file = file;
    this.#slot = slot;
  }

  /** Opens the file, or makes one that says nothing was signed. */
  static async open(disk: Disk, dataFolder: string): Promise<SignedState> {
    const path = signedPath(dataFolder);
    const before = await readWhole(disk, path);
    if (before === undefined) {
      const empty = Buffer.alloc(SLOTS * SLOT_BYTES);
      empty.set(slotOf({ size: 0, root: nodeSha256(Buffer.alloc(0)) }));
      await replaceFileDurably(disk, path, empty);
    }
    const file = openOrNothing(disk, path, 'write');
    if (file === undefined) {
      throw new Fault('log.unavailable', { transient: false, detail: `${path} vanished` });
    }
    return new SignedState(file, before === undefined ? 1 : olderSlot(before));
  }

  /** Resolves when the record is on the medium. Rejects with the system's error; then nothing may be released. */
  async record(signed: Signed): Promise<void> {
    await this.#file.write(slotOf(signed), this.#slot * SLOT_BYTES);
    await this.#file.sync();
    this.#slot = (this.#slot + 1) % SLOTS;
  }

  close(): void {
    this.#file.close();
  }
}

/** The slot that does not hold the newest record: the one to write next. */
function olderSlot(bytes: Uint8Array): number {
  const first = parseSlot(bytes.subarray(0, SLOT_BYTES));
  const second = parseSlot(bytes.subarray(SLOT_BYTES, 2 * SLOT_BYTES));
  return (first?.size ?? -1) >= (second?.size ?? -1) ? 1 : 0;
}

function slotOf({ size, root }: Signed): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.write(`${size} ${root} ${checkOf(size, root)}\n`, 'latin1');
  return slot;
}

function parseSlot(slot: Uint8Array): Signed | undefined {
  const match = LINE.exec(Buffer.from(slot).toString('latin1'));
  const [, sizeText = '', root = '', check = ''] = match ?? [];
  const size = Number(sizeText);
  if (match === null || !Number.isSafeInteger(size) || !isHash(root)) return undefined;
  return check === checkOf(size, root) ? { size, root } : undefined;
}

/** Against accidents of the medium, not against people: those meet the checkpoints. */
const checkOf = (size: number, root: string): string =>
  nodeSha256(Buffer.from(`ifab-signed/1 ${size} ${root}\n`));
