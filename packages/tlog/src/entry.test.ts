import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logKey } from '../test/log-fixture.ts';
import { checkEntryText } from './entry.ts';
import {
  EMPTY_ROOT,
  encodeEntry,
  newSequencerLine,
  openNote,
  parseEntry,
  readSequencerLine,
  sequencerLine,
  signNote,
} from './index.ts';
import { noteVerifier } from './key.ts';
import { primitives } from '../test/log-fixture.ts';

const AT_ISO = '2026-11-21T08:00:00.140Z';
const FIELDS = { index: 123_456, previousLeaf: EMPTY_ROOT, atIso: AT_ISO, epoch: 7 };
const OUTCOME = '{"events":[{"type":"task.claimed"}],"principal":"agent-7.swarm-a"}';
const CALL = '{"args":{"leaseMs":30000,"taskId":"täsk_😀"},"op":"tasks.claim"}';
const PLAIN = encodeEntry({ ...FIELDS, outcome: OUTCOME, call: CALL });

const { key, signer } = logKey('ada.ops.example.org', 3);
const second = logKey('ada.ops.example.org/next', 4);
const NOTE = signNote(`${CALL}\n`, [signer, second.signer]);
const SIGNED = encodeEntry({ ...FIELDS, outcome: OUTCOME, call: NOTE });

const reasonOf = (text: string | Uint8Array): string => {
  const parsed = parseEntry(typeof text === 'string' ? Buffer.from(text) : text);
  return parsed.kind === 'bad' ? parsed.reason : 'none';
};
const withLine = (line: string): string => `${line}\n${OUTCOME}\n${CALL}\n`;
const LINE = sequencerLine(123_456, EMPTY_ROOT, AT_ISO, 7).slice(0, -1);

describe('entry', () => {
  test('an unsigned entry comes back field by field', () => {
    expect(parseEntry(PLAIN)).toEqual({
      kind: 'entry',
      entry: {
        index: 123_456,
        previousLeaf: EMPTY_ROOT,
        atMs: Date.parse(AT_ISO),
        epoch: 7,
        outcome: OUTCOME,
        call: CALL,
        callNote: undefined,
        signatures: [],
      },
    });
    const inside = Buffer.concat([Buffer.from('junk'), PLAIN, Buffer.from('junk')]);
    expect(parseEntry(inside, 4, 4 + PLAIN.length)).toEqual(parseEntry(PLAIN));
  });

  test('a signed entry holds a note that any note reader opens', () => {
    const parsed = parseEntry(SIGNED);
    if (parsed.kind === 'bad') throw new Error(parsed.reason);
    expect(parsed.entry.call).toBe(CALL);
    expect(parsed.entry.callNote).toBe(NOTE);
    expect(parsed.entry.signatures.map(({ name }) => name)).toEqual([
      signer.name,
      second.signer.name,
    ]);
    const opened = openNote(parsed.entry.callNote ?? '', [noteVerifier(primitives, key)]);
    expect(opened.kind === 'opened' && opened.text).toBe(`${CALL}\n`);
  });

  test('the time is the platform’s for every instant of the years 1970 to 9999', () => {
    const line = newSequencerLine();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.parse('9999-12-31T23:59:59.999Z') }), (atMs) => {
        const iso = new Date(atMs).toISOString();
        const bytes = Buffer.from(sequencerLine(1, EMPTY_ROOT, iso, 1));
        expect(readSequencerLine(bytes, 0, bytes.length, line)).toBeUndefined();
        expect(line.atMs).toBe(atMs);
      }),
      { numRuns: 3_000 },
    );
  });

  test('dates that are none are refused', () => {
    const wrong = [
      '1969-12-31T23:59:59.999Z',
      '2026-00-21T08:00:00.140Z',
      '2026-13-21T08:00:00.140Z',
      '2026-11-00T08:00:00.140Z',
      '2026-11-31T08:00:00.140Z',
      '2026-02-29T08:00:00.140Z',
      '2100-02-29T08:00:00.140Z',
      '2026-11-21T24:00:00.140Z',
      '2026-11-21T08:60:00.140Z',
      '2026-11-21T08:00:60.140Z',
      '2026-11-21T08:00:00,140Z',
      '2026-11-21T08:00:00.140z',
      '2026-11-21 08:00:00.140Z',
      '2026/11-21T08:00:00.140Z',
      '2026-11/21T08:00:00.140Z',
      '2026-11-21T08.00:00.140Z',
      '2026-11-21T08:00.00.140Z',
      '+026-11-21T08:00:00.140Z',
      '2026-11-21T08:00:00.14aZ',
      '2026-11-21T08:00:00.a40Z',
      '2026-11-21T08:00:00.1/0Z',
      '2026-11-21T08:00:0:.140Z',
      '2026-11-21T0::00:00.140Z',
      '2026-11-21T08:00:00.14/Z',
    ];
    for (const iso of wrong)
      expect(reasonOf(withLine(LINE.replace(AT_ISO, iso))), iso).toBe('time');
    const leap = withLine(LINE.replace(AT_ISO, '2000-02-29T23:59:59.999Z'));
    expect(reasonOf(leap)).toBe('none');
    expect(reasonOf(withLine(LINE.replace(AT_ISO, '2028-02-29T00:00:00.000Z')))).toBe('none');
  });

  test('each field of the sequencer line has one form', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['ifab-log/2 1', 'version'],
      [LINE.replace('ifab-log/1 ', 'ifab-log/1\t'), 'version'],
      [LINE.replace('123456', '0123456'), 'index'],
      [LINE.replace('123456', ''), 'index'],
      [LINE.replace('123456', '-1'), 'index'],
      [LINE.replace('123456', '9007199254740992'), 'index'],
      [LINE.replace('123456', '12345678901234567'), 'index'],
      [LINE.replace('123456 ', '123456'), 'index'],
      [LINE.replace(EMPTY_ROOT, EMPTY_ROOT.slice(1)), 'previous_leaf'],
      [LINE.replace(EMPTY_ROOT, EMPTY_ROOT.replace('=', 'A')), 'previous_leaf'],
      [LINE.replace(EMPTY_ROOT, EMPTY_ROOT.replace('4', '-')), 'previous_leaf'],
      [LINE.replace(/ 7$/, ''), 'time'],
      [LINE.replace(/7$/, ''), 'epoch'],
      [LINE.replace(/7$/, '07'), 'epoch'],
      [LINE.replace(/7$/, '7 '), 'epoch'],
      [LINE.replace(/7$/, '4294967296'), 'epoch'],
      [LINE.replace(/7$/, '42949672950'), 'epoch'],
    ];
    for (const [line, reason] of cases) expect(reasonOf(withLine(line)), line).toBe(reason);
    expect(reasonOf(withLine(LINE.replace('123456', '9007199254740991')))).toBe('none');
    expect(reasonOf(withLine(LINE.replace('123456', '0')))).toBe('none');
    expect(reasonOf(withLine(LINE.replace(/7$/, '4294967295')))).toBe('none');
  });

  test('the lines behind it are two, or two and a block of signatures', () => {
    const line = `${LINE}\n`;
    const signature = NOTE.split('\n')[2] ?? '';
    const cases: readonly (readonly [string, string])[] = [
      ['', 'lines'],
      [`${OUTCOME}\n`, 'lines'],
      [`${OUTCOME}\n${CALL}`, 'lines'],
      [`\n${CALL}\n`, 'lines'],
      [`${OUTCOME}\n\n`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n`, 'lines'],
      [`${OUTCOME}\n${CALL}\n${CALL}\n`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n\n`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n${signature}`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n${signature}\n\n`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n${signature}\n${signature}`, 'lines'],
      [`${OUTCOME}\n${CALL}\n${signature}`, 'lines'],
      [`${OUTCOME}\n${CALL}\n\n${CALL}\n`, 'signatures'],
      [`${OUTCOME}\n${CALL}\n\n${`${signature}\n`.repeat(16)}`, 'none'],
      [`${OUTCOME}\n${CALL}\n\n${`${signature}\n`.repeat(17)}`, 'signatures'],
      [`${OUTCOME}\r\n${CALL}\n`, 'text'],
      [`${OUTCOME}\n${CALL}\u0000\n`, 'text'],
      [`${OUTCOME}\n${CALL}\t\n`, 'text'],
    ];
    for (const [rest, reason] of cases) expect(reasonOf(line + rest), rest).toBe(reason);
    const latin1 = Buffer.concat([
      Buffer.from(`${line}${OUTCOME}\n`),
      Buffer.of(0x22, 0xe4, 0x22, 0x0a),
    ]);
    expect(reasonOf(latin1)).toBe('text');
    expect(reasonOf(Buffer.alloc(65_536, LINE))).toBe('entry_bytes');
    const longest = 65_535 - `${line}${OUTCOME}\n\n`.length;
    expect(reasonOf(`${line}${OUTCOME}\n${'x'.repeat(longest)}\n`)).toBe('none');
    expect(reasonOf(`${line}${OUTCOME}\n${'x'.repeat(longest + 1)}\n`)).toBe('entry_bytes');
    expect(reasonOf(PLAIN.subarray(0, 40))).not.toBe('none');
  });

  test('a line that ends behind its entry is refused', () => {
    const bytes = Buffer.from(LINE + '\n');
    expect(readSequencerLine(bytes, 0, bytes.length - 1, newSequencerLine())).toBe('lines');
  });

  test('text is judged alike byte by byte and by words, from any offset', () => {
    const byte = fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 255 }) },
      { weight: 2, arbitrary: fc.constant(0x0a) },
      { weight: 1, arbitrary: fc.nat(255) },
    );
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 120 }),
        fc.nat(8),
        fc.nat(8),
        (list, before, after) => {
          const bytes = new Uint8Array(160);
          bytes.set(list, before);
          const end = Math.max(before + list.length - after, before);
          const words = new Int32Array(bytes.buffer);
          expect(checkEntryText(bytes, before, end, words)).toBe(
            checkEntryText(bytes, before, end),
          );
          expect(checkEntryText(bytes, before, end, words.subarray(0, 20))).toBe(
            checkEntryText(bytes, before, end),
          );
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('mutations of real entries never throw, and what still parses is written back the same', () => {
    const edit = fc.record({ at: fc.nat(SIGNED.length - 1), byte: fc.nat(255), cut: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.constantFrom(PLAIN, SIGNED),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (good, edits) => {
          let bytes = Buffer.from(good);
          for (const { at, byte, cut } of edits) {
            bytes = Buffer.concat([
              bytes.subarray(0, at),
              Buffer.of(byte),
              bytes.subarray(at + cut),
            ]);
          }
          const parsed = parseEntry(bytes);
          if (parsed.kind === 'bad') return;
          const { index, previousLeaf, atMs, epoch, outcome, call, callNote } = parsed.entry;
          const atIso = new Date(atMs).toISOString();
          const again = encodeEntry({
            index,
            previousLeaf,
            atIso,
            epoch,
            outcome,
            call: callNote ?? call,
          });
          expect(Buffer.from(again)).toEqual(bytes);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('an entry that would not parse is a defect to write', () => {
    expect(() => encodeEntry({ ...FIELDS, outcome: '', call: CALL })).toThrow(/malformed: lines/);
    expect(() => encodeEntry({ ...FIELDS, outcome: 'a\nb', call: CALL })).toThrow(
      /malformed: lines/,
    );
    expect(() => encodeEntry({ ...FIELDS, atIso: 'now', outcome: OUTCOME, call: CALL })).toThrow(
      /time/,
    );
  });
});
