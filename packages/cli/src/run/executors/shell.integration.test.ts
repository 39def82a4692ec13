import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ShellRun } from '@infrafabric/protocol';
import { GRACE_MS } from './process-group.ts';
import { runShell } from './shell.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-shell-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const PATH = process.env['PATH'] ?? '';

function run(shell: ShellRun, abort = new AbortController().signal) {
  const lines: string[] = [];
  const execution = runShell(shell, {
    workFolder: folder,
    privateFolder: join(folder, '.private'),
    abort,
    onLine: (line) => lines.push(line),
    settings: { path: PATH, lang: 'C.UTF-8' },
    facts: { IFAB_TASK_ID: 'plan/key' },
  });
  return { lines, execution };
}

const textOf = async ({ execution }: ReturnType<typeof run>): Promise<string> =>
  Buffer.from((await execution).transcript.bytes).toString();

/** PF_EXITING of the kernel's flags of a process: it has begun to end and runs none of its own code any more. */
const EXITING = 0x4;

/**
 * Whether a process can still do anything: a killed one closes its pipes before it is a zombie, and an orphan stays a
 * zombie until its reaper comes.
 */
function lives(pid: string): boolean {
  try {
    // After the name in brackets: state, parent, group, session, terminal, its group, flags (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return fields[0] !== 'Z' && (Number(fields[6]) & EXITING) === 0;
  } catch {
    return false;
  }
}

test('an exit code, both streams and the lines come back', async () => {
  const started = run({ shell: 'echo one; echo two >&2; exit 3' });
  expect((await started.execution).ending).toEqual({ kind: 'exited', exitCode: 3 });
  expect((await textOf(started)).split('\n').toSorted((a, b) => a.localeCompare(b))).toEqual([
    '',
    'one',
    'two',
  ]);
  expect(new Set(started.lines)).toEqual(new Set(['one', 'two']));
});

test('the environment holds what the plan gave and nothing of the runner', async () => {
  process.env['IFAB_TOKEN'] = 'secret-of-the-runner';
  try {
    const text = await textOf(run({ shell: 'env', env: { GIVEN: 'yes' } }));
    const names = text
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    // The shell itself adds PWD, SHLVL, OLDPWD and _.
    const own = names.filter((name) => !['PWD', 'SHLVL', 'OLDPWD', '_'].includes(name ?? ''));
    expect(new Set(own)).toEqual(
      new Set(['GIVEN', 'HOME', 'IFAB_TASK_ID', 'LANG', 'PATH', 'TMPDIR']),
    );
    expect(text).toContain(`HOME=${folder}`);
    expect(text).not.toContain('secret');
  } finally {
    delete process.env['IFAB_TOKEN'];
  }
});

test('P1: children that the command left behind are dead when its outcome is told', async () => {
  const { execution } = run({ shell: 'sleep 60 & echo $! > child; exit 0' });
  expect((await execution).ending).toEqual({ kind: 'exited', exitCode: 0 });
  const pid = readFileSync(join(folder, 'child'), 'utf8').trim();
  expect(lives(pid)).toBe(false);
});

test('P2: at its limit the whole group is asked to end, and may clean up', async () => {
  const { execution } = run({
    shell: "trap 'echo cleaned > cleaned; exit 0' TERM; sleep 60 & wait",
    timeoutMs: 200,
  });
  expect((await execution).ending).toEqual({ kind: 'timed-out', timeoutMs: 200 });
  expect(existsSync(join(folder, 'cleaned'))).toBe(true);
  expect((await execution).durationMs).toBeLessThan(GRACE_MS);
});

test('P2: a group that ignores SIGTERM is killed after the grace, with its children', async () => {
  const { execution } = run({
    shell: "trap '' TERM; (trap '' TERM; sleep 60) & echo $! > child; sleep 60",
    timeoutMs: 100,
  });
  expect((await execution).ending.kind).toBe('timed-out');
  expect((await execution).durationMs).toBeGreaterThanOrEqual(GRACE_MS);
  expect(lives(readFileSync(join(folder, 'child'), 'utf8').trim())).toBe(false);
});

test('X2: an abort kills at once what ignores SIGTERM', async () => {
  const lost = new AbortController();
  const { execution } = run({ shell: "trap '' TERM; sleep 60 & sleep 60" }, lost.signal);
  setTimeout(() => lost.abort(), 100);
  expect((await execution).ending).toEqual({ kind: 'aborted' });
  expect((await execution).durationMs).toBeLessThan(GRACE_MS);
});

test('a child that made a session of its own does not hold the runner', async () => {
  const { execution } = run({ shell: 'setsid sleep 5 & echo $! > child; exit 0' });
  expect((await execution).ending.kind).toBe('exited');
  expect((await execution).durationMs).toBeLessThan(4_000);
  process.kill(Number(readFileSync(join(folder, 'child'), 'utf8')), 'SIGKILL');
});

test.each(['..', '/tmp', 'a/../..'])('a working directory outside is refused: %s', async (cwd) => {
  const { execution } = run({ shell: 'echo ran > ran', cwd });
  expect((await execution).ending.kind).toBe('unstarted');
  expect(existsSync(join(folder, 'ran'))).toBe(false);
});

test('a working directory that is not there is said, and nothing is run', async () => {
  const { ending } = await run({ shell: 'true', cwd: 'missing' }).execution;
  expect(ending).toMatchObject({ kind: 'unstarted', detail: expect.stringContaining('missing') });
});
