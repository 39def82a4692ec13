import {
  createPrivateKey,
  createPublicKey,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildLog, logKey, primitives } from '../test/log-fixture.ts';
import {
  EMPTY_ROOT,
  appendSignature,
  assembleNote,
  checkProofFile,
  checkpointText,
  cosignatureTimeS,
  cosigner,
  countWitnesses,
  formatProofFile,
  formatSignatureLine,
  formatSkey,
  formatVkey,
  inclusionProof,
  isKeyName,
  noteSigner,
  noteVerifier,
  openCheckpoint,
  openNote,
  parseCheckpointText,
  parseNote,
  parsePolicy,
  parseProofFile,
  parseSignatureLine,
  parseSkey,
  parseVkey,
  portableEd25519,
  publicKeyOf,
  signNote,
  type NoteSignature,
} from './index.ts';

// From golang.org/x/mod/sumdb/note's documentation.
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const GO_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_NOTE = `${GO_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
// From C2SP tlog-cosignature: a checkpoint with a signature of its log and one of a witness.
const C2SP_NOTE = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`;

const ada = logKey('ada.example.org', 3);
const bob = logKey('bob.example.org', 4);
const adaVerifier = noteVerifier(primitives, ada.key);
const bobVerifier = noteVerifier(primitives, bob.key);
const TEXT = 'first line\n\nthird line\n';
const reasonOf = (note: string): string => {
  const opened = openNote(note, [adaVerifier]);
  return opened.kind === 'refused' ? opened.reason : 'none';
};

describe('keys', () => {
  test('Go’s example key and note are read, verified and made again', () => {
    const key = parseVkey(primitives.sha256, GO_VKEY);
    const secret = parseSkey(primitives, GO_SKEY);
    if (key === undefined || secret === undefined) throw new Error('not read');
    expect(formatVkey(key)).toBe(GO_VKEY);
    expect(secret.key).toEqual(key);
    expect(formatSkey(secret.key, secret.seed)).toBe(GO_SKEY);
    expect(openNote(GO_NOTE, [noteVerifier(primitives, key)])).toMatchObject({
      kind: 'opened',
      text: GO_TEXT,
    });
    expect(signNote(GO_TEXT, [noteSigner(primitives, secret.key, secret.seed)])).toBe(GO_NOTE);
  });

  test('a vkey is refused when any part of it is wrong', () => {
    const wrong = [
      '',
      'PeterNeumann',
      'PeterNeumann+c74f20a3',
      GO_VKEY.replace('c74f20a3', 'c74f20a4'),
      GO_VKEY.replace('c74f20a3', 'C74F20A3'),
      GO_VKEY.replace('Peter', 'Piter'),
      GO_VKEY.slice(0, -4),
      GO_VKEY.replace('+AR', '+BR'),
      GO_VKEY.replace('PeterNeumann', ''),
      GO_VKEY.replace('rN', 'r N'),
      `${GO_VKEY}\n`,
      GO_VKEY.replace('+ARpc', '+CRpc'),
    ];
    for (const vkey of wrong) expect(parseVkey(primitives.sha256, vkey), vkey).toBeUndefined();
    const skeys = [
      '',
      GO_SKEY.slice(1),
      GO_SKEY.replace('c74f', 'c75f'),
      GO_SKEY.slice(0, -4),
      GO_SKEY.replace('+AY', '+BY'),
      GO_SKEY.replace('PeterNeumann', ''),
      'PRIVATE+KEY+a+b',
      'PRIVATE+KEY+',
    ];
    for (const skey of skeys) expect(parseSkey(primitives, skey), skey).toBeUndefined();
  });

  test('keys that fit anybody’s signature, or no point, are refused (WQ4)', () => {
    // Points of order 1, 2, 4 and 8, and an x that is on no curve.
    const points = [
      '0100000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '0000000000000000000000000000000000000000000000000000000000000000',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      '0200000000000000000000000000000000000000000000000000000000000000',
    ];
    for (const hex of points) {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      const forged = publicKeyOf(
        { ...primitives, ed25519: { ...portableEd25519, publicKey: () => bytes } },
        { name: 'x', use: 'note', seed: bytes },
      );
      expect(parseVkey(primitives.sha256, formatVkey(forged)), hex).toBeUndefined();
    }
  });

  test('the portable signatures are node:crypto’s, and a non-canonical S is refused', () => {
    const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
    const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
    const secret = createPrivateKey({
      key: Buffer.concat([prefix, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    const message = Buffer.from('message');
    const signature = portableEd25519.signer(seed)(message);
    expect(Buffer.from(signature)).toEqual(nodeSign(null, message, secret));
    expect(nodeVerify(null, message, createPublicKey(secret), signature)).toBe(true);
    const verify = portableEd25519.verifier(portableEd25519.publicKey(seed));
    expect(verify(message, signature)).toBe(true);
    expect(verify(message, signature.subarray(1))).toBe(false);
    // S + L verifies where S is not compared with L (RFC 8032 §5.1.7).
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s =
      BigInt(`0x${Buffer.from(signature.subarray(32).toReversed()).toString('hex')}`) + order;
    const shifted = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').toReversed();
    expect(verify(message, Buffer.concat([signature.subarray(0, 32), shifted]))).toBe(false);
  });

  test('a key’s use decides who may make a signer of it', () => {
    const seed = new Uint8Array(32);
    const witness = publicKeyOf(primitives, { name: 'w', use: 'cosignature', seed });
    expect(parseVkey(primitives.sha256, formatVkey(witness))).toEqual(witness);
    expect(() => noteSigner(primitives, witness, seed)).toThrow(/needs a time/);
    expect(() => cosigner(primitives, ada.key, { seed, timeS: 1 })).toThrow(/not a key for/);
    expect(() => publicKeyOf(primitives, { name: 'a b', use: 'note', seed })).toThrow(/key name/);
  });

  test('a cosignature holds for its text and its second', () => {
    const seed = new Uint8Array(32).fill(5);
    const key = publicKeyOf(primitives, { name: 'w', use: 'cosignature', seed });
    const { sign } = cosigner(primitives, key, { seed, timeS: 1_679_315_147 });
    const verifier = noteVerifier(primitives, key);
    const signature = sign(Buffer.from(TEXT));
    expect(cosignatureTimeS(signature)).toBe(1_679_315_147);
    expect(verifier.verify(Buffer.from(TEXT), signature)).toBe(true);
    expect(verifier.verify(Buffer.from('else\n'), signature)).toBe(false);
    expect(verifier.verify(Buffer.from(TEXT), signature.with(7, 0))).toBe(false);
    expect(verifier.verify(Buffer.from(TEXT), signature.subarray(1))).toBe(false);
    expect(cosignatureTimeS(new Uint8Array(72).fill(255))).toBeUndefined();
  });
});

describe('note', () => {
  test('it comes back, and a witness’s line can be added', () => {
    const note = signNote(TEXT, [ada.signer]);
    const more = appendSignature(note, {
      ...bob.signer,
      signature: bob.signer.sign(Buffer.from(TEXT)),
    });
    expect(more).toBe(signNote(TEXT, [ada.signer, bob.signer]));
    expect(openNote(more, [adaVerifier])).toMatchObject({
      kind: 'opened',
      text: TEXT,
      verified: [{ name: ada.key.name }],
      unknown: [{ name: bob.key.name }],
    });
    expect(openNote(more, [bobVerifier, adaVerifier])).toMatchObject({
      verified: [{ name: ada.key.name }, { name: bob.key.name }],
      unknown: [],
    });
  });

  test('a key counts once, and a bad signature of a known key refuses the note', () => {
    const note = signNote(TEXT, [ada.signer, ada.signer]);
    const opened = openNote(note, [adaVerifier]);
    expect(opened.kind === 'opened' && opened.verified).toHaveLength(1);
    const bad = assembleNote(TEXT, [{ ...ada.signer, signature: new Uint8Array(64) }]);
    expect(reasonOf(bad)).toBe('bad_signature');
    expect(reasonOf(signNote(TEXT, [bob.signer]))).toBe('unverified');
    // A line of the same name under another id is another key's.
    const stranger: NoteSignature = { name: ada.key.name, keyId: 1, signature: new Uint8Array(64) };
    expect(reasonOf(appendSignature(signNote(TEXT, [ada.signer]), stranger))).toBe('none');
  });

  test('C2SP’s example parses into its parts', () => {
    const parsed = parseNote(C2SP_NOTE);
    if (parsed.kind === 'refused') throw new Error(parsed.reason);
    expect(parseCheckpointText(parsed.text)).toEqual({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      root: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
      extensions: [],
    });
    expect(
      parsed.signatures.map(({ name, signature }) => [name, cosignatureTimeS(signature)]),
    ).toEqual([
      ['example.com/behind-the-sofa', undefined],
      ['witness.example.com/w1', 1_679_315_147],
    ]);
  });

  test('what is not the form of a note is refused', () => {
    const note = signNote(TEXT, [ada.signer]);
    const line = note.split('\n').at(-2) ?? '';
    const wrong = [
      '',
      '\n',
      '\n\n',
      'text\n',
      `text\n\n`,
      note.slice(0, -1),
      note.replace('\n\n—', '\n—'),
      `${note}\n`,
      `te\u0007xt\n\n${line}\n`,
      `te\rxt\n\n${line}\n`,
      `te\ud800xt\n\n${line}\n`,
      `text\n\n${line}\nx\n`,
      `text\n\n${line.replace('— ', '- ')}\n`,
      `text\n\n— AAAAAAA=\n`,
      `text\n\n— a AAAAAA==\n`,
      `text\n\n— a b AAAAAAA=\n`,
      `text\n\n— a AAAAAAA\n`,
      `text\n\n—  AAAAAAA=\n`,
      `text\n\n${`${line}\n`.repeat(65)}`,
    ];
    for (const bad of wrong)
      expect(reasonOf(bad), JSON.stringify(bad.slice(0, 60))).toBe('malformed');
    expect(reasonOf('a'.repeat(262_145))).toBe('note_bytes');
    expect(reasonOf(`text\n\n${`${line}\n`.repeat(64)}`)).toBe('bad_signature');
    expect(parseSignatureLine('— a AAAAAAA=')).toEqual({
      name: 'a',
      keyId: 0,
      signature: Uint8Array.of(0),
    });
  });

  test('any changed character is refused', () => {
    const note = signNote(TEXT, [ada.signer]);
    fc.assert(
      fc.property(
        fc.nat(note.length - 1),
        fc.constantFrom('A', 'b', ' ', '\n', '=', '—', '\u0000'),
        (at, letter) => {
          fc.pre(note[at] !== letter);
          expect(reasonOf(note.slice(0, at) + letter + note.slice(at + 1))).not.toBe('none');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('names are words, and what cannot be read back is a defect to write', () => {
    for (const name of [
      '',
      'a b',
      'a+b',
      'a\u00a0b',
      'a\u0085b',
      'a\tb',
      'a\u0001',
      '\ud800',
      'x'.repeat(256),
    ]) {
      expect(isKeyName(name), name).toBe(false);
    }
    expect(isKeyName('spiffé/😀')).toBe(true);
    expect(() => signNote('no newline', [ada.signer])).toThrow(/not the text/);
    expect(() => signNote(TEXT, [])).toThrow(/without signatures/);
    expect(() =>
      formatSignatureLine({ name: 'a b', keyId: 1, signature: new Uint8Array(1) }),
    ).toThrow(/key name/);
    expect(() => formatSignatureLine({ name: 'a', keyId: 1, signature: new Uint8Array() })).toThrow(
      /empty/,
    );
  });
});

describe('checkpoint', () => {
  test('only its three lines, and extensions that are not empty, are one', () => {
    const text = checkpointText({ origin: 'o', size: 5, root: EMPTY_ROOT });
    expect(parseCheckpointText(`${text}ext\n`)?.extensions).toEqual(['ext']);
    for (const bad of [
      '',
      'o\n',
      'o\n5\n',
      text.slice(0, -1),
      text.replace('o', ''),
      text.replace('5', '05'),
      text.replace('=', ''),
      `${text}\n`,
      text + 'x\n'.repeat(17),
    ]) {
      expect(parseCheckpointText(bad), bad).toBeUndefined();
    }
    expect(parseCheckpointText(`o\n0\n${EMPTY_ROOT}\n`)).toBeDefined();
    expect(parseCheckpointText(`o\n0\n${EMPTY_ROOT.replace('4', '5')}\n`)).toBeUndefined();
    expect(() => checkpointText({ origin: 'a\nb', size: 5, root: EMPTY_ROOT })).toThrow(
      /would not parse/,
    );
  });

  test('it is opened for one origin only', () => {
    const note = signNote(checkpointText({ origin: 'o', size: 5, root: EMPTY_ROOT }), [ada.signer]);
    const verifiers = [adaVerifier];
    expect(openCheckpoint(note, { origin: 'o', verifiers })).toMatchObject({
      kind: 'opened',
      checkpoint: { size: 5 },
    });
    expect(openCheckpoint(note, { origin: 'p', verifiers })).toEqual({
      kind: 'refused',
      reason: 'origin',
    });
    expect(openCheckpoint(note, { origin: 'o', verifiers: [] })).toEqual({
      kind: 'refused',
      reason: 'unverified',
    });
    expect(openCheckpoint(signNote(TEXT, [ada.signer]), { origin: 'o', verifiers })).toEqual({
      kind: 'refused',
      reason: 'checkpoint_body',
    });
  });
});

describe('proof file', () => {
  const log = buildLog({ frames: [7], checkpointsAt: [7] });
  const hashes = inclusionProof(primitives.sha256, { index: 3, size: 7 }, (height, index) => {
    if (height === 0) return log.leaves[index] ?? '';
    return (height === 1 ? [pair(0), pair(2), pair(4)] : [quad()])[index] ?? '';
  });
  const checkpoint = log.notes[0] ?? '';
  const text = formatProofFile({ index: 3, hashes, checkpoint });
  const claim = {
    text,
    leaf: log.leaves[3] ?? '',
    origin: log.origin,
    verifiers: [noteVerifier(primitives, log.key)],
  };
  const check = (over: object) => checkProofFile(primitives.sha256, { ...claim, ...over });
  function pair(at: number) {
    return buildLogNode(log.leaves[at] ?? '', log.leaves[at + 1] ?? '');
  }
  function quad() {
    return buildLogNode(pair(0), pair(2));
  }

  test('it proves its leaf and nothing else', () => {
    expect(check({})).toMatchObject({
      kind: 'included',
      index: 3,
      checkpoint: { size: 7 },
      verified: [{ name: log.origin }],
    });
    expect(check({ leaf: EMPTY_ROOT })).toEqual({ kind: 'refused', reason: 'not_included' });
    expect(check({ text: text.replace('index 3', 'index 2') })).toEqual({
      kind: 'refused',
      reason: 'not_included',
    });
    expect(check({ origin: 'else' })).toEqual({ kind: 'refused', reason: 'origin' });
    expect(check({ text: '' })).toEqual({ kind: 'refused', reason: 'proof_text' });
  });

  test('it comes back, extra data included', () => {
    expect(parseProofFile(text)).toEqual({ index: 3, hashes, checkpoint });
    const extra = Uint8Array.of(1, 2, 3);
    const withExtra = formatProofFile({ index: 3, hashes: [], checkpoint, extra });
    expect(parseProofFile(withExtra)).toEqual({ index: 3, hashes: [], checkpoint, extra });
    const wrong = [
      text.replace('@v1', '@v2'),
      text.replace('index', 'Index'),
      text.replace('index 3', 'index 03'),
      withExtra.replace('extra A', 'extra -'),
      text.replace(hashes[0] ?? '', 'x'),
      'c2sp.org/tlog-proof@v1\nindex 3\n',
      text.replace('index 3\n', `index 3\n${`${EMPTY_ROOT}\n`.repeat(65)}`),
      withExtra.replace('AQID', Buffer.alloc(65_538).toString('base64')),
      text + ' '.repeat(400_000),
    ];
    for (const bad of wrong) expect(parseProofFile(bad), bad.slice(0, 80)).toBeUndefined();
    expect(() => formatProofFile({ index: -1, hashes, checkpoint })).toThrow(/would not parse/);
  });
});

describe('policy', () => {
  const witness = (byte: number) => {
    const seed = new Uint8Array(32).fill(byte);
    const key = publicKeyOf(primitives, { name: `w${byte}`, use: 'cosignature', seed });
    return { vkey: formatVkey(key), signer: cosigner(primitives, key, { seed, timeS: byte }) };
  };
  const [x1, x2, x3, y1] = [witness(1), witness(2), witness(3), witness(4)];
  const WITNESSES = `witness X1 ${x1.vkey}\nwitness X2 ${x2.vkey} https://x2.example\n\twitness X3 ${x3.vkey}\nwitness Y1 ${y1.vkey}\n`;
  const parse = (text: string) => parsePolicy(primitives, text);
  const flawOf = (text: string) => {
    const parsed = parse(text);
    return parsed.kind === 'refused' ? [parsed.line, parsed.reason] : parsed.kind;
  };

  test('C2SP’s nested groups count as they say', () => {
    const parsed = parse(
      `# example\nlog ${ada.vkey}\n\n${WITNESSES}group X 2 X1 X2 X3\ngroup Y any Y1\ngroup both all X Y\nquorum both\n`,
    );
    if (parsed.kind === 'refused') throw new Error(parsed.reason);
    expect(parsed.policy.logs).toEqual([ada.key]);
    const count = (...signers: (typeof x1.signer)[]) =>
      countWitnesses(parsed.policy, signNote(TEXT, [ada.signer, ...signers]));
    expect(count()).toEqual({ names: [], isQuorum: false, total: 4, earliestMs: Infinity });
    expect(count(x1.signer, x2.signer)).toEqual({
      names: ['X1', 'X2'],
      isQuorum: false,
      total: 4,
      earliestMs: 1_000,
    });
    expect(count(x1.signer, y1.signer)).toMatchObject({ isQuorum: false });
    expect(count(x3.signer, x2.signer, y1.signer)).toEqual({
      names: ['X2', 'X3', 'Y1'],
      isQuorum: true,
      total: 4,
      earliestMs: 2_000,
    });
    const forged = { ...y1.signer, sign: () => new Uint8Array(72) };
    expect(count(x3.signer, x2.signer, forged)).toMatchObject({
      names: ['X2', 'X3'],
      isQuorum: false,
    });
  });

  test('a witness of a group may be the quorum, and no quorum may be asked for', () => {
    expect(flawOf(`${WITNESSES}group X 2 X1 X2\nquorum X1`)).toBe('policy');
    const none = parse('quorum none');
    expect(none.kind === 'policy' && countWitnesses(none.policy, GO_NOTE).isQuorum).toBe(true);
  });

  test('a file that says something else than C2SP allows is refused, with its line', () => {
    const w = `witness A ${x1.vkey}`;
    const cases: readonly (readonly [string, readonly [number, string]])[] = [
      ['', [1, 'no_quorum']],
      ['quorum none\nquorum none', [2, 'duplicate']],
      ['quorum none x', [1, 'keyword']],
      ['quorum A', [1, 'name']],
      ['quorum', [1, 'name']],
      ['# \u0001', [1, 'characters']],
      ['quorum none\r', [1, 'characters']],
      ['logs x', [1, 'keyword']],
      ['log x', [1, 'vkey']],
      ['log', [1, 'vkey']],
      [`log ${x1.vkey}`, [1, 'vkey']],
      [`log ${ada.vkey} url more`, [1, 'keyword']],
      [`log ${ada.vkey}\nlog ${ada.vkey}`, [2, 'duplicate']],
      [`witness A ${ada.vkey}`, [1, 'vkey']],
      ['witness A', [1, 'vkey']],
      ['witness', [1, 'vkey']],
      [`${w} url more`, [1, 'keyword']],
      [`witness none ${x1.vkey}`, [1, 'duplicate']],
      [`${w}\nwitness B ${x1.vkey}`, [2, 'duplicate']],
      [`${w}\nwitness A ${x2.vkey}`, [2, 'duplicate']],
      [`${w}\ngroup A any A`, [2, 'duplicate']],
      [`${w}\ngroup G any B`, [2, 'name']],
      [`${w}\ngroup G any A A`, [2, 'name']],
      [`${w}\ngroup G any A\ngroup H any A`, [3, 'name']],
      [`${w}\ngroup G any`, [2, 'threshold']],
      [`${w}\ngroup G`, [2, 'threshold']],
      [`${w}\ngroup`, [2, 'threshold']],
      [`${w}\ngroup G 0 A`, [2, 'threshold']],
      [`${w}\ngroup G 2 A`, [2, 'threshold']],
      [`${w}\ngroup G some A`, [2, 'threshold']],
      ['#'.repeat(65_537), [1, 'policy_bytes']],
    ];
    for (const [text, flaw] of cases) expect(flawOf(text), text.slice(0, 90)).toEqual(flaw);
  });

  test('logs and names are limited', () => {
    const logs = Array.from({ length: 65 }, (_, i) => `log ${logKey(`l${i}`, i + 1).vkey}`);
    expect(flawOf(`${logs.slice(0, 64).join('\n')}\nquorum none`)).toBe('policy');
    expect(flawOf(logs.join('\n'))).toEqual([65, 'too_many']);
    const witnesses = Array.from({ length: 65 }, (_, i) => `witness n${i} ${witness(i + 1).vkey}`);
    expect(flawOf(`${witnesses.slice(0, 64).join('\n')}\nquorum n0`)).toBe('policy');
    expect(flawOf(witnesses.join('\n'))).toEqual([65, 'too_many']);
  });
});

function buildLogNode(left: string, right: string): string {
  return primitives.sha256(
    Buffer.concat([Buffer.of(1), Buffer.from(left, 'base64'), Buffer.from(right, 'base64')]),
  );
}
