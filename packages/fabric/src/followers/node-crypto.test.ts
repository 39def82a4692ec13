import { Buffer } from 'node:buffer';
import {
  formatSkey,
  openNote,
  noteVerifier,
  portableEd25519,
  publicKeyOf,
} from '@infrafabric/tlog';
import { describe, expect, test } from 'vitest';

import { nodePrimitives as atTheTop } from '../index.ts';
import { nodePrimitives, poolSigner } from './node-crypto.ts';

const { ed25519 } = nodePrimitives;
const seed = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const message = Buffer.from('message');

describe('Ed25519 of OpenSSL', () => {
  test('makes the keys and the signatures of the portable one, and each verifies the other', () => {
    expect(Buffer.from(ed25519.publicKey(seed))).toEqual(
      Buffer.from(portableEd25519.publicKey(seed)),
    );
    const signature = ed25519.signer(seed)(message);
    expect(Buffer.from(signature)).toEqual(Buffer.from(portableEd25519.signer(seed)(message)));
    for (const one of [ed25519, portableEd25519]) {
      const verify = one.verifier(ed25519.publicKey(seed));
      expect(verify(message, signature)).toBe(true);
      expect(verify(Buffer.from('another'), signature)).toBe(false);
    }
  });

  test('refuses another length, and S + L (RFC 8032 §5.1.7), without throwing', () => {
    const verify = ed25519.verifier(ed25519.publicKey(seed));
    const signature = ed25519.signer(seed)(message);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s =
      BigInt(`0x${Buffer.from(signature.subarray(32).toReversed()).toString('hex')}`) + order;
    const shifted = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').toReversed();
    expect(verify(message, Buffer.concat([signature.subarray(0, 32), shifted]))).toBe(false);
    for (const bytes of [0, 63, 65]) expect(verify(message, new Uint8Array(bytes))).toBe(false);
  });
});

test('a note that was signed on the pool is opened by a verifier of the key', async () => {
  const key = publicKeyOf(nodePrimitives, { name: 'example.org/log', use: 'note', seed });
  const signer = poolSigner(formatSkey(key, seed));
  const note = (await signer?.signedNote('words\n')) ?? '';
  expect(openNote(note, [noteVerifier(nodePrimitives, key)])).toMatchObject({ kind: 'opened' });
  expect(poolSigner('PRIVATE+KEY+none')).toBeUndefined();
});

test('the public surface has no primitives of its own', () => {
  expect(atTheTop).toBe(nodePrimitives);
});
