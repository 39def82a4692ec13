/**
 * A realm's data folder: its keys, made once, and its name. Secrets are files of mode 0600 in a
 * folder of mode 0700; none of them is ever in the log.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { RealmId } from '@infrafabric/protocol';
import { formatSkey, formatVkey, genesisLeaf, parseSkey, publicKeyOf } from '@infrafabric/tlog';
import { z } from 'zod';

import { Fault } from '../fault.ts';
import { nodePrimitives } from '../followers/node-crypto.ts';
import { openBlobFolder } from './blob-folder.ts';
import { systemRandom, type BlobStore, type Random } from './ports.ts';
import { operatorTokenFrom, sha256Hex, type TokenSecrets } from './tokens.ts';

export interface DataFolder {
  readonly folder: string;
  readonly realm: RealmId;
  /** Name of the log, and of its key. */
  readonly origin: string;
  /** The log's verifier key, as C2SP writes it. */
  readonly vkey: string;
  /** The log's signing key. Secret. */
  readonly skey: string;
  /** What entry 0 names as its previous leaf. */
  readonly genesisLeaf: string;
  readonly secrets: TokenSecrets;
  /** The operator's token, for those who may read the folder. Secret. */
  readonly operatorToken: string;
  readonly blobs: BlobStore;
}

const RealmFile = z.strictObject({
  format: z.literal('ifab-realm/1'),
  realm: RealmId,
  origin: z.string().min(1).max(200),
  vkey: z.string().min(1).max(400),
});

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const SECRET_BYTES = 32;
/** Hex digits of the key's digest in the origin of a realm without a domain: 64 bits, so two laptops never collide. */
const ORIGIN_DIGITS = 16;

/**
 * Opens the folder of a realm and makes what is missing. Rejects a folder of another realm and keys that do not fit
 * each other (`config.invalid`). Call it while the folder's lock is held, or before anybody else can know the folder.
 */
export function openDataFolder(
  folder: string,
  options: { readonly realm: RealmId; readonly random?: Random },
): DataFolder {
  const random = options.random ?? systemRandom();
  for (const path of [folder, join(folder, 'keys'), join(folder, 'blobs')]) {
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  }
  chmodSync(folder, FOLDER_MODE);
  const realmSecret = readOrMake(join(folder, 'keys', 'realm.secret'), () =>
    Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url'),
  );
  const operatorToken = readOrMake(join(folder, 'keys', 'operator.token'), () =>
    operatorTokenFrom(random.bytes(SECRET_BYTES)),
  );
  const skey = readOrMake(join(folder, 'keys', 'log.key'), () => newLogKey(options.realm, random));
  const parsed = parseSkey(nodePrimitives, skey);
  if (parsed === undefined) throw invalid(folder, 'keys/log.key is not a signing key');
  const { key } = parsed;
  const vkey = formatVkey(key);
  const named = RealmFile.safeParse(
    JSON.parse(
      readOrMake(join(folder, 'realm.json'), () =>
        JSON.stringify(
          { format: 'ifab-realm/1', realm: options.realm, origin: key.name, vkey },
          undefined,
          2,
        ),
      ),
    ),
  );
  if (!named.success) throw invalid(folder, 'realm.json is not of the format ifab-realm/1');
  const { realm, origin } = named.data;
  if (realm !== options.realm)
    throw invalid(folder, `it holds realm ${realm}, not ${options.realm}`);
  if (named.data.vkey !== vkey)
    throw invalid(folder, 'keys/log.key is not the key that realm.json names');
  return {
    folder,
    realm,
    origin,
    vkey,
    skey,
    genesisLeaf: genesisLeaf(nodePrimitives.sha256, { origin, vkey }),
    secrets: {
      realm: Buffer.from(realmSecret, 'base64url'),
      operatorTokenSha256: sha256Hex(operatorToken),
    },
    operatorToken,
    blobs: openBlobFolder(join(folder, 'blobs')),
  };
}

const newLogKey = (realm: RealmId, random: Random): string => {
  const seed = random.bytes(SECRET_BYTES);
  const digest = hash('sha256', nodePrimitives.ed25519.publicKey(seed), 'hex').slice(
    0,
    ORIGIN_DIGITS,
  );
  const name = `${digest}.local/ifab/${realm}`;
  return formatSkey(publicKeyOf(nodePrimitives, { name, use: 'note', seed }), seed);
};

/** The text of a file of one line, made durably where it is missing: a key that was used is never lost. */
const readOrMake = (path: string, make: () => string): string => {
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const text = make();
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, 'w', FILE_MODE);
  try {
    writeFileSync(file, `${text}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  // A link is made once: of two processes that start together, both read what the first one made.
  linkOnce(temporary, path);
  unlinkSync(temporary);
  const parent = openSync(dirname(path), 'r');
  fsyncSync(parent);
  closeSync(parent);
  return readFileSync(path, 'utf8').trim();
};

const linkOnce = (from: string, to: string): void => {
  try {
    linkSync(from, to);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
  }
};

const invalid = (folder: string, why: string): Fault =>
  new Fault('config.invalid', { transient: false, detail: `${folder}: ${why}` });
