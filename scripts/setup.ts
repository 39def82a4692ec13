/**
 * Installs what tests need besides npm, from Debian's packages. A machine that has it all loses a few milliseconds.
 *
 *     node scripts/bootstrap.mjs scripts/setup.ts [--check] [--browser]
 *
 * `--check` installs nothing and reports; `--browser` adds Chromium (300 MB), which only the dashboard's tests use.
 * Exit code 1 when something is missing at the end: tests that need it would fail in CI, and say "not run" elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

interface Need {
  readonly debian: string;
  /** A command that must be found, or a file that must be there. */
  readonly sign: string;
  readonly reason: string;
}

const NEEDS: readonly Need[] = [
  { debian: 'git', sign: 'git', reason: 'work trees of agents, the merge queue' },
  { debian: 'bubblewrap', sign: 'bwrap', reason: 'the sandbox around what agents run' },
  { debian: 'age', sign: 'age', reason: 'the other implementation of our file of secrets' },
  { debian: 'systemd', sign: 'systemd-creds', reason: 'the other reader of credentials’ names' },
  { debian: 'openssl', sign: 'openssl', reason: 'certificates of servers that tests start' },
  { debian: 'redis-server', sign: 'redis-server', reason: 'a queue to compare with' },
  { debian: 'xfsprogs', sign: 'mkfs.xfs', reason: 'power cuts on a loop-mounted XFS' },
  { debian: 'e2fsprogs', sign: 'mkfs.ext4', reason: 'power cuts on a loop-mounted ext4' },
  { debian: 'strace', sign: 'strace', reason: 'faults injected into fdatasync' },
  { debian: 'golang-go', sign: 'go', reason: 'the second implementation of our proofs' },
  {
    debian: 'golang-golang-x-mod-dev',
    sign: '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go',
    reason: 'the same: its library',
  },
];
const BROWSER: Need = { debian: 'chromium', sign: 'chromium', reason: 'the dashboard, as seen' };

/** A mirror may be slow, golang-go is 70 MB; after this long it is down. */
const INSTALL_MS_MAX = 300_000;
/** Another apt may be at work; it is waited for, so that two of us do not fail each other. */
const APT_LOCK_S_MAX = 120;
/** Tools of the administrator are not on everybody's PATH. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function present({ sign }: Need): boolean {
  if (sign.startsWith('/')) return existsSync(sign);
  return FOLDERS.some((folder) => folder !== '' && existsSync(join(folder, sign)));
}

function apt(...args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const done = spawnSync(
    'apt-get',
    ['-o', `DPkg::Lock::Timeout=${APT_LOCK_S_MAX}`, '-qq', ...args],
    {
      encoding: 'utf8',
      timeout: INSTALL_MS_MAX,
      // RUNLEVEL=1 keeps Debian from starting a daemon that it has just installed: tests start their own.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    },
  );
  return { ok: done.status === 0, output: `${done.stdout}${done.stderr}`.trim() };
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function install({ debian }: Need): boolean {
  const startedAt = performance.now();
  const { ok, output } = apt('install', '--yes', '--no-install-recommends', debian);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.error(`setup: ${debian}: ${ok ? 'installed' : 'FAILED'} in ${seconds} s`);
  if (!ok) console.error(output);
  return ok;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      browser: { type: 'boolean', default: false },
    },
  });
  const needs = values.browser ? [...NEEDS, BROWSER] : NEEDS;
  const missing = needs.filter((need) => !present(need));
  console.error(`setup: ${needs.length - missing.length} of ${needs.length} present`);
  if (missing.length > 0 && !values.check && canInstall()) {
    const update = apt('update');
    if (!update.ok) console.error(`setup: apt-get update failed\n${update.output}`);
    for (const need of missing) install(need);
  }
  const absent = needs.filter((need) => !present(need));
  for (const { debian, reason } of absent) console.error(`setup: ${debian} is missing (${reason})`);
  if (absent.length > 0) {
    console.error(`setup: apt-get install ${absent.map(({ debian }) => debian).join(' ')}`);
    process.exitCode = 1;
  }
}

main();
