import { SESSION_TOKEN_MS } from '@infrafabric/protocol';
import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';

import { createTokens, idempotencyDigest, operatorTokenFrom, sha256Hex } from './tokens.ts';

const operator = operatorTokenFrom(Buffer.alloc(32, 7));
const secrets = { realm: Buffer.alloc(32, 1), operatorTokenSha256: sha256Hex(operator) };
const tokens = createTokens('main', secrets);
const granted = { taskId: 'p/a', epoch: 3, fence: 12, sessionId: 'ses_0000000000000000' };
const AT = 1_700_000_000_000;

describe('T1: fencing tokens', () => {
  const token = tokens.fencingToken(granted);

  test('a token says which grant it belongs to and fits the protocol', () => {
    expect(token).toMatch(/^[A-Za-z0-9._-]{16,160}$/);
    expect(tokens.readFencingToken('p/a', token)).toEqual({
      epoch: 3,
      holder: granted.sessionId,
      n: 12,
    });
  });

  test.each([
    ['of another task', 'p/b', token],
    ['with the next fence guessed', 'p/a', token.replace('3.12.', '3.13.')],
    ['with another epoch', 'p/a', token.replace('3.12.', '4.12.')],
    ['with fields shifted', 'p/a', token.replace('3.12.', '31.2.')],
    ['of another holder', 'p/a', token.replace('ses_0', 'ses_1')],
    ['under another key id', 'p/a', token.replace(/\.[0-9a-f]{8}\./, '.00000000.')],
    ['without a MAC', 'p/a', token.slice(0, token.lastIndexOf('.'))],
    ['with an empty MAC', 'p/a', token.slice(0, token.lastIndexOf('.') + 1)],
    ['with a shorter MAC', 'p/a', token.slice(0, -1)],
    ['with a longer MAC', 'p/a', `${token}A`],
    ['with more after it', 'p/a', `${token}.x`],
    ['with a leading zero', 'p/a', token.replace('3.12.', '03.12.')],
    ['with a sign', 'p/a', token.replace('3.12.', '+3.12.')],
    ['that is nothing', 'p/a', ''],
    ['of another realm', 'p/a', createTokens('other', secrets).fencingToken(granted)],
    [
      'made with another secret',
      'p/a',
      createTokens('main', { ...secrets, realm: Buffer.alloc(32, 2) }).fencingToken(granted),
    ],
  ])('a token %s is forged', (_what, taskId, forged) => {
    expect(tokens.readFencingToken(taskId, forged)).toMatchObject({ code: 'lease.forged' });
  });

  test('every change of one character is found', () => {
    for (let i = 0; i < token.length; i += 1) {
      const other = token[i] === 'x' ? 'y' : 'x';
      const forged = token.slice(0, i) + other + token.slice(i + 1);
      expect(tokens.readFencingToken('p/a', forged), forged).toMatchObject({ kind: 'reject' });
    }
  });
});

describe('bearers', () => {
  const { token, expiresAt } = tokens.sessionToken('ses_0000000000000000', AT);

  test('a session token is half-open: the instant it expires it is refused', () => {
    expect(expiresAt).toBe(AT + SESSION_TOKEN_MS);
    expect(tokens.readBearer(token, expiresAt - 1)).toEqual({
      kind: 'session',
      sessionId: 'ses_0000000000000000',
      expiresAt,
    });
    expect(tokens.readBearer(token, expiresAt)).toMatchObject({ code: 'auth.expired' });
  });

  test('the operator token is the one whose digest is known', () => {
    expect(tokens.readBearer(operator, AT)).toEqual({ kind: 'operator' });
    expect(tokens.readBearer(operatorTokenFrom(Buffer.alloc(32, 8)), AT)).toMatchObject({
      code: 'auth.invalid',
    });
  });

  test.each([
    ['auth.missing', undefined],
    ['auth.missing', ''],
    ['auth.invalid', 'ifs1.'],
    ['auth.invalid', 'ifs1.ses_0000000000000000.zzzzzzzz.AAAAAAAAAAAAAAAAAAAAAA'],
    ['auth.invalid', `${token}x`],
    ['auth.invalid', token.replace('ses_0', 'ses_1')],
    ['auth.invalid', token.replace('ifs1.', 'ifs2.')],
    ['auth.invalid', 'Bearer x'],
    ['auth.invalid', createTokens('other', secrets).sessionToken('ses_0', AT).token],
    // A fencing token is no credential.
    ['auth.invalid', tokens.fencingToken(granted)],
  ])('%s: %s', (code, bearer) => {
    expect(tokens.readBearer(bearer, AT)).toMatchObject({ code });
  });

  test('a session token cannot be stretched', () => {
    const [prefix, sessionId, , mac] = token.split('.');
    const later = (AT * 2).toString(36);
    expect(tokens.readBearer(`${prefix}.${sessionId}.${later}.${mac}`, AT)).toMatchObject({
      code: 'auth.invalid',
    });
  });
});

test('an idempotency digest depends on principal and key and fits the log', () => {
  const digest = idempotencyDigest('ada', 'key-00000001');
  expect(digest).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(idempotencyDigest('bob', 'key-00000001')).not.toBe(digest);
  expect(idempotencyDigest('ada', 'key-00000002')).not.toBe(digest);
});

test('a short secret is a defect', () => {
  expect(() => createTokens('main', { ...secrets, realm: Buffer.alloc(31) })).toThrow(/too short/);
});
