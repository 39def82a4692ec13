/** What Vault's replies mean. Their bodies are never quoted: they may hold values and tokens. */
import type { Buffer } from 'node:buffer';

import type { Fault } from '../../fault.ts';
import { secretFault, SECRET_BYTES_MAX, secretRefText } from '../../ports/secret-store.ts';
import type { Secret, SecretRef } from '../../ports/secret-store.ts';
import { bytesOf, countOf, JsonFault, membersOf, readJson, textOf } from '../json-bytes.ts';
import type { JsonSlot } from '../json-bytes.ts';
import type { VaultReply } from './http.ts';

type Members = ReadonlyMap<string, JsonSlot>;

/** A token that Vault gave, and for how long; 0: for ever. */
export interface Login {
  readonly token: string;
  readonly leaseMs: number;
  readonly isRenewable: boolean;
}

const MS_PER_SECOND = 1_000;

/** The field of a reply of KV version 2 with status 200. @throws Fault `secret.not_found`, `secret.invalid` */
export const secretOf = ({ body }: VaultReply, ref: SecretRef): Secret =>
  parsed(body, secretRefText(ref), (members) => {
    const outer = objectIn(body, members, 'data');
    const slot = objectIn(body, outer, 'data').get(ref.field);
    if (slot === undefined) {
      throw secretFault('secret.not_found', `${secretRefText(ref)}: the secret has no such field`);
    }
    const version = countOf(body, valueIn(objectIn(body, outer, 'metadata'), 'version'));
    const bytes = bytesOf(body, slot);
    if (bytes.length > SECRET_BYTES_MAX) {
      bytes.fill(0);
      throw secretFault(
        'secret.invalid',
        `${secretRefText(ref)} has more than ${SECRET_BYTES_MAX} bytes`,
      );
    }
    return { bytes, version: String(version) };
  });

/** The `auth` of a reply to a login or a renewal. @throws Fault `secret.invalid` */
export const loginOf = ({ body }: VaultReply): Login =>
  parsed(body, 'the login', (members) => {
    const auth = objectIn(body, members, 'auth');
    const token = textOf(body, valueIn(auth, 'client_token'));
    // It becomes a header.
    if (!/^[\x21-\x7e]{1,2000}$/.test(token)) throw new JsonFault('the token is none');
    const { start, end } = valueIn(auth, 'renewable');
    return {
      token,
      leaseMs: countOf(body, valueIn(auth, 'lease_duration')) * MS_PER_SECOND,
      isRenewable: body.toString('latin1', start, end) === 'true',
    };
  });

/** Why a reply is no secret, by its status (Vault API, “HTTP status codes”). */
export const refusalOf = ({ status, body }: VaultReply, what: string): Fault => {
  switch (status) {
    case 400:
    case 405:
      return secretFault(
        'secret.invalid',
        `${what}: Vault takes the request not (${status}); is the mount KV version 2?`,
      );
    case 401:
    case 403:
      return secretFault('secret.denied', `${what}: Vault denies it (${status})`);
    case 404:
      return secretFault('secret.not_found', `${what}: ${absence(body)}`);
    case 503:
      return secretFault('secret.unavailable', `${what}: Vault is sealed or in maintenance (503)`, {
        transient: true,
      });
    default:
      // 412, 429, 472, 473: a standby, or too many requests; 3xx: another server, which nobody configured.
      return secretFault('secret.unavailable', `${what}: Vault answers ${status}`, {
        transient: status >= 400,
      });
  }
};

/** A 404 of KV version 2 carries metadata where there was a secret: its newest version was deleted, or destroyed. */
const absence = (body: Buffer): string => {
  try {
    const metadata = objectIn(
      body,
      objectIn(body, membersOf(body, readJson(body)), 'data'),
      'metadata',
    );
    const { start, end } = valueIn(metadata, 'destroyed');
    const isDestroyed = body.toString('latin1', start, end) === 'true';
    return `its newest version was ${isDestroyed ? 'destroyed' : 'deleted'}`;
  } catch (cause) {
    if (cause instanceof JsonFault) return 'there is no such secret';
    throw cause;
  }
};

const parsed = <T>(body: Buffer, what: string, read: (members: Members) => T): T => {
  try {
    return read(membersOf(body, readJson(body)));
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    throw secretFault(
      'secret.invalid',
      `${what}: the answer is not that of KV version 2: ${cause.message}`,
    );
  }
};

const valueIn = (members: Members, name: string): JsonSlot => {
  const slot = members.get(name);
  if (slot === undefined) throw new JsonFault(`${name} is missing`);
  return slot;
};

const objectIn = (body: Buffer, members: Members, name: string): Members =>
  membersOf(body, valueIn(members, name));
