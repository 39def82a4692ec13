import { expect, test } from 'vitest';
import { lines } from '../../test/io.ts';
import { jsonLog } from './json-log.ts';

const logged = (least: Parameters<typeof jsonLog>[1]): readonly unknown[] => {
  let text = '';
  const log = jsonLog({ write: (more) => void (text += more) }, least);
  const cause = Object.assign(new Error('no room'), { code: 'ENOSPC' });
  log.debug({ event: 'd' });
  log.info({ event: 'i', bytes: 1n });
  log.warn({ event: 'w', cause: new TypeError('odd') });
  log.error({ event: 'e', cause });
  return lines(text);
};

test('a line says when, how bad and what; errors keep their code', () => {
  expect(logged('info')).toEqual([
    { time: expect.any(String), level: 'info', event: 'i', bytes: '1' },
    {
      time: expect.any(String),
      level: 'warn',
      event: 'w',
      cause: { name: 'TypeError', message: 'odd' },
    },
    {
      time: expect.any(String),
      level: 'error',
      event: 'e',
      cause: { name: 'Error', message: 'no room', code: 'ENOSPC' },
    },
  ]);
});

test.each([
  ['debug', 4],
  ['warn', 2],
  ['error', 1],
  ['silent', 0],
] as const)('from %s on there are %i lines', (least, count) => {
  expect(logged(least)).toHaveLength(count);
});
