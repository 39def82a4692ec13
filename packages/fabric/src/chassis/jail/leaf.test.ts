import { expect, test } from 'vitest';
import { initPidOf, leafPid } from './leaf.ts';

test('bubblewrap’s status names its init; before that there is none', () => {
  expect(initPidOf('{ "child-pid": 4711, "cgroup-namespace": 4026532 }\n')).toBe(4711);
  expect(initPidOf('{\n    "child-pid": 12\n}\n{ "exit-code": 137 }\n')).toBe(12);
  expect(initPidOf('')).toBeUndefined();
  expect(initPidOf('{ "exit-code": 1 }')).toBeUndefined();
});

test('without any chain the spawned process is node', async () => {
  await expect(leafPid({ saysStatus: false, hasTimeout: false }, 77, '')).resolves.toBe(77);
});

test('a status without a child, and a process without children, are faults: a limit on the wrong one is none', async () => {
  const plan = { saysStatus: true, hasTimeout: true };
  await expect(leafPid(plan, 77, '')).rejects.toMatchObject({ code: 'runner.unavailable' });
  // Process 4194305 is beyond what Linux numbers (PID_MAX_LIMIT is 2^22).
  await expect(leafPid(plan, 77, '{"child-pid": 4194305}')).rejects.toMatchObject({
    code: 'runner.unavailable',
  });
});
