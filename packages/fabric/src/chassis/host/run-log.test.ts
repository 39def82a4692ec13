import { expect, test } from 'vitest';
import { RUN_LOG_BYTES_MAX, RunLog } from './run-log.ts';

const payload = (level: number, text: string): Uint8Array =>
  Buffer.concat([Uint8Array.of(level), Buffer.from(text)]);

const logging = () => {
  const lines: string[] = [];
  let full = 0;
  const log = new RunLog(
    (line) => lines.push(line),
    () => {
      full += 1;
    },
  );
  return { log, lines, fulls: () => full };
};

test('each line has its level, and a last line feed is none', () => {
  const { log, lines } = logging();
  expect(log.take(payload(0, 'one\ntwo\n'))).toBe(true);
  expect(log.take(payload(4, 'bad'))).toBe(true);
  expect(lines).toEqual(['trace one', 'trace two', 'error bad']);
  expect(Buffer.from(log.bytes()).toString()).toBe('trace one\ntrace two\nerror bad\n');
  expect(log.count).toBe(log.bytes().length);
});

test('a level that there is not is against the rules', () => {
  expect(logging().log.take(payload(5, 'x'))).toBe(false);
  expect(logging().log.take(new Uint8Array())).toBe(false);
});

test('case 50: beyond its cap a log is dropped, which is said once', () => {
  const { log, lines, fulls } = logging();
  const line = 'x'.repeat(1_000);
  for (let count = 0; count < 100; count += 1) expect(log.take(payload(2, line))).toBe(true);
  expect(log.bytes().length).toBeLessThanOrEqual(RUN_LOG_BYTES_MAX);
  expect(lines.length).toBe(Math.floor(RUN_LOG_BYTES_MAX / 1_006));
  expect(fulls()).toBe(1);
});

test('case 50: a flood is against the rules, of empty lines too', () => {
  const flooded = (text: string): number => {
    const { log } = logging();
    let count = 0;
    while (log.take(payload(2, text)) && count < 1_000_000) count += 1;
    return count;
  };
  expect(flooded('x'.repeat(1_000))).toBeLessThan(1_100);
  expect(flooded('')).toBeLessThan(70_000);
});
