import { expect, test } from 'vitest';
import { describeEnding, exitCodeOf } from './gates.ts';

test.each([
  [{ kind: 'exited', exitCode: 0 }, 0, 'exit code 0'],
  [{ kind: 'exited', exitCode: 7 }, 7, 'exit code 7'],
  [{ kind: 'signalled', signal: 'SIGKILL' }, -1, 'ended by SIGKILL'],
  [{ kind: 'timed-out', timeoutMs: 50 }, -1, 'ended after 50 ms, the longest it may take'],
  [{ kind: 'aborted' }, -1, 'stopped'],
  [{ kind: 'unstarted', detail: 'no shell' }, -1, 'not started: no shell'],
] as const)('%j has an exit code for evidence and words for people', (ending, code, words) => {
  expect(exitCodeOf(ending)).toBe(code);
  expect(describeEnding(ending)).toBe(words);
});
