import { NO_MEASURE, RunCause } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import { createTerminal } from '../output/terminal.ts';
import { attemptsText, levelsText } from './levels-text.ts';
import {
  bytesText,
  exitOfCause,
  measureText,
  noteText,
  paintOfCause,
  reportText,
} from './report-text.ts';

const plain = createTerminal(false, 200);

test('a cause is an exit code: 0 a result, 1 its own doing, 3 it may not run, 75 not its doing', () => {
  const exits = Object.fromEntries(RunCause.options.map((cause) => [cause, exitOfCause(cause)]));
  expect(exits).toEqual({
    completed: 0,
    failed: 1,
    invalid: 1,
    trapped: 1,
    fuel: 1,
    cpu: 1,
    wall: 1,
    memory: 1,
    output: 1,
    protocol: 1,
    crashed: 1,
    refused: 3,
    revoked: 75,
    unavailable: 75,
  });
  expect([paintOfCause('completed'), paintOfCause('cpu'), paintOfCause('revoked')]).toEqual([
    'green',
    'red',
    'yellow',
  ]);
});

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [20_480, '20 KiB'],
  [3 * 1024 * 1024, '3.0 MiB'],
  [64 * 1024 * 1024, '64 MiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('what was not used is not spoken of', () => {
  expect(measureText({ ...NO_MEASURE, wallMs: 3, cpuMs: 2 })).toBe(
    '3 ms, 2 ms of CPU, 0 B of memory',
  );
  expect(
    measureText({
      ...NO_MEASURE,
      queueMs: 4,
      apiCalls: 2,
      networkCalls: 1,
      sentBytes: 10,
      receivedBytes: 2_048,
      fuel: 350_253,
    }),
  ).toBe(
    '0 ms, 0 ms of CPU, 0 B of memory, waited 4 ms, 2 calls, 1 over the network (10 B out, 2.0 KiB in), 350253 of fuel',
  );
});

test('a report names its end, its level, its use and its notes, and nothing in it acts on a terminal', () => {
  const text = reportText(
    {
      cause: 'trapped',
      detail: 'no\u001b[2J',
      level: 2,
      measure: NO_MEASURE,
      notes: [
        { kind: 'violation', violation: 'host', subject: 'evil\u0007' },
        {
          kind: 'credential',
          alias: 'api',
          host: 'h',
          method: 'GET',
          pathHash: 'a'.repeat(64),
          status: 200,
          bytes: 7,
        },
      ],
    },
    plain,
  );
  expect(text).toBe(
    [
      String.raw`ended  trapped: no\u{1b}[2J`,
      'level  2',
      'used   0 ms, 0 ms of CPU, 0 B of memory',
      String.raw`note   stopped from: host (evil\u{7})`,
      'note   api used: GET h answered 200, 7 B',
      '',
    ].join('\n'),
  );
  expect(noteText({ kind: 'violation', violation: 'cpu', subject: 'run cpu' })).toContain('cpu');
});

describe('levels', () => {
  const attained = {
    level: 2,
    layers: ['process', 'rlimits'],
    node: 'v24.0.0',
    platform: 'linux-x64',
    missing: [
      {
        layer: 'namespaces',
        why: 'bubblewrap is not installed',
        remedy: 'apt-get install bubblewrap',
      },
    ],
    attempts: [
      { name: 'read', outcome: 'denied', detail: 'ERR_ACCESS_DENIED' },
      { name: 'socket', outcome: 'allowed', detail: 'tcp\u001b' },
    ],
  } as const;

  test('what is open, what is missing and what adds it are said', () => {
    const text = levelsText(attained, plain);
    expect(text).toContain('2 of 3: exact limits of the kernel, without namespaces');
    expect(text).toMatch(/denied to a runner +read\nopen to a runner +socket/);
    expect(text).toContain(
      'Missing:\n  namespaces  bubblewrap is not installed\n    → apt-get install bubblewrap\n',
    );
    expect(levelsText({ ...attained, level: 3, missing: [] }, plain)).not.toContain('Missing');
  });

  test('attempts are shown as they were told, escaped', () => {
    expect(attemptsText(attained, plain)).toContain(String.raw`tcp\u{1b}`);
  });
});
