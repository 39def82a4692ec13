import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { askHiddenLine, HiddenLine } from './hidden-line.ts';
import { bytesUpTo } from './stdin-bytes.ts';

const typed = (keys: string): string => {
  const line = new HiddenLine();
  expect(line.feed(Buffer.from(`${keys}\r`))).toBe('done');
  return line.take().toString();
};

describe('a hidden line', () => {
  test.each([
    ['plain', 'hunter2', 'hunter2'],
    ['with signs beyond ASCII', 'né😀', 'né😀'],
    ['corrected', 'hunterr\u007f2', 'hunter2'],
    ['corrected by a whole character', 'a😀é\u007f\u007f\bb', 'b'],
    ['begun again', 'wrong\u0015right', 'right'],
    [
      'with arrow keys and function keys in it',
      'a\u001b[Db\u001bOPc\u001b[3~d\u001b[1;5Ce',
      'abcde',
    ],
    ['with control keys in it', 'a\u0001\tb\u0000c', 'abc'],
    ['erased beyond its beginning', '\u007f\u007fa', 'a'],
    ['empty', '', ''],
  ])('%s is what was typed', (_, keys, line) => {
    expect(typed(keys)).toBe(line);
  });

  test.each(['\r', '\n', '\u0004'])(
    'ends at %j, and what comes behind it is no part of it',
    (end) => {
      const line = new HiddenLine();
      expect(line.feed(Buffer.from(`ab${end}cd`))).toBe('done');
      expect(line.take().toString()).toBe('ab');
    },
  );

  test('is given up at Ctrl-C', () => {
    expect(new HiddenLine().feed(Buffer.from('ab\u0003'))).toBe('interrupted');
  });

  test('leaves nothing: not in the keys, not in the line, not in the memory of its own', () => {
    const line = new HiddenLine();
    const keys = Buffer.from('canary');
    line.feed(keys);
    expect(keys).toEqual(Buffer.alloc(6));
    const taken = line.take();
    expect(taken.buffer.byteLength).toBe(6);
    expect(line.take()).toHaveLength(0);
  });

  test('property: text without control keys comes out as it went in, however it is cut', () => {
    // Property: feeding is independent of how the keys are grouped. Method: any text, cut at random places.
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(64)), (text, cuts) => {
        fc.pre(!/[\u0000-\u001f\u007f]/.test(text));
        const line = new HiddenLine();
        let rest = Buffer.from(text);
        for (const cut of cuts) {
          line.feed(Buffer.from(rest.subarray(0, cut)));
          rest = rest.subarray(cut);
        }
        line.feed(Buffer.from(rest));
        expect(line.take().toString()).toBe(text);
      }),
    );
  });
});

/** The end of a terminal that a test types at. */
const terminal = () => {
  const modes: boolean[] = [];
  let modeAtQuestion: boolean | undefined;
  const stdin = Object.assign(new PassThrough(), {
    setRawMode: (isRaw: boolean) => {
      modes.push(isRaw);
      return stdin;
    },
  });
  let shown = '';
  const stderr = {
    write: (text: string) => {
      if (shown === '') modeAtQuestion = modes.at(-1);
      shown += text;
      return true;
    },
  };
  const ends = { stdin: stdin as unknown as NodeJS.ReadStream, stderr };
  return { stdin, ends, modes, shown: () => shown, modeAtQuestion: () => modeAtQuestion };
};
const NEVER = new AbortController().signal;

describe('asking', () => {
  test('shows the question and nothing of the answer, and leaves the terminal as it was', async () => {
    const { stdin, ends, modes, shown, modeAtQuestion } = terminal();
    const asked = askHiddenLine(ends, 'Value: ', NEVER);
    stdin.write('can');
    stdin.write('ary\r');
    expect((await asked).toString()).toBe('canary');
    expect(shown()).toBe('Value: \n');
    // Whoever types as soon as the question is there is not shown either.
    expect(modeAtQuestion()).toBe(true);
    expect(modes).toEqual([true, false]);
    expect(stdin.listenerCount('data')).toBe(0);
  });

  test('ends with the terminal, with what was typed by then', async () => {
    const { stdin, ends } = terminal();
    const asked = askHiddenLine(ends, '', NEVER);
    stdin.end('ab');
    expect((await asked).toString()).toBe('ab');
  });

  test.each(['Ctrl-C', 'a signal'])('%s ends it, and the terminal is as it was', async (how) => {
    const { stdin, ends, modes } = terminal();
    const stop = new AbortController();
    const asked = askHiddenLine(ends, '', stop.signal);
    if (how === 'Ctrl-C') stdin.write('a\u0003');
    else stop.abort();
    await expect(asked).rejects.toMatchObject({ problem: { code: 'cli.interrupted' } });
    expect(modes).toEqual([true, false]);
  });
});

describe('bytes of standard input', () => {
  const pieces = async function* (all: readonly Buffer[]): AsyncGenerator<Buffer> {
    yield* all;
  };

  test('come whole, in order, from pieces that are zeroed', async () => {
    const all = [Buffer.from([0, 255]), Buffer.from('b')];
    expect(await bytesUpTo(pieces(all), 10)).toEqual(Buffer.from([0, 255, 0x62]));
    expect(all).toEqual([Buffer.alloc(2), Buffer.alloc(1)]);
  });

  test('end one behind the limit, and no more is read', async () => {
    const all = [Buffer.from('abc'), Buffer.from('def'), Buffer.from('never read')];
    expect((await bytesUpTo(pieces(all), 4)).toString()).toBe('abcde');
    expect(all[2]?.toString()).toBe('never read');
  });
});
