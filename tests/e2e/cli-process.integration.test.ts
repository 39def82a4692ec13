/** The program as people start it: real processes, signals, pipes, shells. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const bin = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'src', 'bin.ts');
const root = mkdtempSync(join(tmpdir(), 'ifab-process-'));
const env = {
  PATH: `${root}${delimiter}${process.env['PATH'] ?? ''}`,
  HOME: root,
  XDG_STATE_HOME: join(root, 'state'),
  IFAB_LISTEN_PORT: '0',
};
/** `ifab` as a shell finds it. */
const shim = join(root, 'ifab');
writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" --conditions=source "${bin}" "$@"\n`);
chmodSync(shim, 0o755);

const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  }
  rmSync(root, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stdout has this text. */
  said(text: string): Promise<void>;
}

const start = (words: readonly string[], nodeArgs: readonly string[] = []): Started => {
  const child = spawn(process.execPath, ['--conditions=source', ...nodeArgs, bin, ...words], {
    cwd: root,
    env,
  });
  started.push(child);
  let stdout = '';
  let stderr = '';
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const { text: wanted, resolve } of waiting) if (stdout.includes(wanted)) resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    child,
    ended,
    said: (text) =>
      Promise.race([
        new Promise<void>((resolve) => {
          if (stdout.includes(text)) resolve();
          else waiting.push({ text, resolve });
        }),
        ended.then(({ stderr: why }): never => {
          throw new Error(`ended without “${text}”: ${why}`);
        }),
      ]),
  };
};
const ifab = (...words: readonly string[]): Promise<Ended> => start(words).ended;

/** A command has connected by then, on two loaded cores. */
const WAIT_MS = 3_000;

/** A module that tells, when the process ends, its CPU time and every package that it loaded. */
const PROBE = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({ resolve(specifier, context, next) {
  if (!/^[./]|^(node|file|data):/.test(specifier)) packages.add(specifier);
  return next(specifier, context);
} });
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  process.stderr.write('\\n' + JSON.stringify({ cpuMs: (user + system) / 1000, packages: [...packages] }));
});
`)}`;

const probe = async (
  ...words: readonly string[]
): Promise<{ readonly cpuMs: number; readonly packages: readonly string[] }> => {
  const { stderr } = await start(words, ['--import', PROBE]).ended;
  const told: { readonly cpuMs: number; readonly packages: readonly string[] } = JSON.parse(
    stderr.split('\n').at(-1) ?? '',
  );
  return told;
};

/** STYLE and the guide promise it; sources cost more than the built program, which has no types to strip. */
const VERSION_CPU_MS_MAX = 150;

test('--version costs less than 150 ms of CPU and loads nothing', async () => {
  const runs = [await probe('--version'), await probe('--version'), await probe('--version')];
  expect(runs.flatMap(({ packages }) => packages)).toEqual([]);
  expect(Math.min(...runs.map(({ cpuMs }) => cpuMs))).toBeLessThan(VERSION_CPU_MS_MAX);
});

test('help and completion load no schemas', async () => {
  for (const words of [['--help'], ['plan', 'import', '--help'], ['__complete', 'plan', ''], []]) {
    const { packages } = await probe(...words);
    expect(packages, words.join(' ')).not.toContain('zod');
    expect(packages.filter((name) => name.startsWith('@infrafabric/'))).toEqual([]);
  }
});

test('completion scripts are of their shells, and bash’s completes', async () => {
  for (const [shell, check] of [
    ['bash', ['bash', '-n']],
    ['zsh', ['zsh', '-n']],
    ['fish', ['fish', '--no-execute']],
  ] as const) {
    const { stdout, code } = await ifab('completion', shell);
    expect(code).toBe(0);
    const path = join(root, `ifab.${shell}`);
    writeFileSync(path, stdout);
    const [program, ...args] = check;
    const checked = spawnSync(program, [...args, path], { encoding: 'utf8' });
    // Shells that this machine does not have cannot judge.
    if (checked.error === undefined) expect(checked, checked.stderr).toMatchObject({ status: 0 });
  }
  const line = `source ${join(root, 'ifab.bash')}; COMP_WORDS=(ifab plan s); COMP_CWORD=2; _ifab; echo "\${COMPREPLY[@]}"`;
  const { stdout } = spawnSync('bash', ['--norc', '-c', line], { env, encoding: 'utf8' });
  expect(stdout).toBe('submit show\n');
});

test('a fabric starts, is found, drains at SIGTERM, and is gone', async () => {
  const fabric = start(['serve']);
  await fabric.said('fabric');
  const second = await ifab('serve', '--json');
  expect(second.code).toBe(3);
  expect(JSON.parse(second.stderr.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    code: 'log.locked',
    remedy: 'give-up',
    detail: expect.stringContaining(`process ${fabric.child.pid}`),
  });
  expect(await ifab('status', '--json')).toMatchObject({ code: 0, stderr: '' });
  expect(
    (
      await ifab(
        'plan',
        'submit',
        join(import.meta.dirname, '..', '..', 'examples', 'repo-checks.yaml'),
      )
    ).code,
  ).toBe(0);
  const following = start(['events', '-f']);
  fabric.child.kill('SIGTERM');
  expect(await fabric.ended).toMatchObject({ code: 0 });
  following.child.kill('SIGINT');
  await following.ended;
  expect(existsSync(join(root, 'state', 'infrafabric', 'main', 'serve.json'))).toBe(false);
  const gone = await ifab('status');
  expect(gone.code).toBe(75);
  expect(gone.stderr).toContain('ifab serve');
});

test('a fabric that was killed is told from one that runs, and the next start goes on', async () => {
  const fabric = start(['serve']);
  await fabric.said('fabric');
  fabric.child.kill('SIGKILL');
  await fabric.ended;
  const { code, stderr } = await ifab('status');
  expect(code).toBe(75);
  expect(stderr).toContain('has ended');
  const again = start(['serve']);
  await again.said('fabric');
  expect((await ifab('plan', 'list')).stdout).toContain('repo-checks');
  const verified = await ifab('witness', 'replay', '--json');
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true });
  again.child.kill('SIGINT');
  expect(await again.ended).toMatchObject({ code: 0 });
});

/** A disk that refuses to sync as soon as the file is there: `node:fs` itself answers EIO. */
const brokenDisk = (trigger: string): string =>
  `data:text/javascript,${encodeURIComponent(`
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { fdatasync, fdatasyncSync, existsSync } = fs;
const eio = () => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO', errno: -5, syscall: 'fdatasync' });
const broken = () => existsSync(${JSON.stringify(trigger)});
fs.fdatasync = (fd, done) => (broken() ? setImmediate(done, eio()) : fdatasync(fd, done));
fs.fdatasyncSync = (fd) => {
  if (broken()) throw eio();
  fdatasyncSync(fd);
};
syncBuiltinESMExports();
`)}`;

test('a disk that refuses to sync ends the fabric with 75, and nothing was promised', async () => {
  const trigger = join(root, 'broken');
  const fabric = start(['serve'], ['--import', brokenDisk(trigger)]);
  await fabric.said('fabric');
  writeFileSync(trigger, '');
  const recorded = await ifab('witness', 'record', 'test', 'lost');
  expect(recorded.code).not.toBe(0);
  const { code, stderr } = await fabric.ended;
  expect(code, stderr).toBe(75);
  expect(stderr).toContain('log.fsync_failed');
  rmSync(trigger);
  const again = start(['serve']);
  await again.said('fabric');
  expect(JSON.parse((await ifab('witness', 'replay', '--json')).stdout)).toMatchObject({
    ok: true,
  });
  again.child.kill('SIGTERM');
  expect((await again.ended).code).toBe(0);
});

test('a wait that is interrupted exits 130; a reader that goes away ends a stream quietly', async () => {
  const fabric = start(['serve']);
  await fabric.said('fabric');
  const opened = await ifab('session', 'open', 'ada', '--json');
  const { sessionId }: { readonly sessionId: string } = JSON.parse(opened.stdout);
  const gated = join(root, 'gated.json');
  writeFileSync(gated, '{"id":"gated","tasks":[{"key":"a","title":"A","needs":["lang:cobol"]}]}');
  expect((await ifab('plan', 'submit', gated)).code).toBe(0);
  const next = ['task', 'next', '--session', sessionId, '--plan', 'gated', '--wait', '25s'];
  const waiting = start(next);
  await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  expect(waiting.child.exitCode).toBeNull();
  waiting.child.kill('SIGINT');
  const interrupted = await waiting.ended;
  expect(interrupted.code, interrupted.stderr).toBe(130);
  expect(interrupted.stderr).toContain('cli.interrupted');
  const full = start(['events', '-f']);
  await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  full.child.kill('SIGINT');
  expect((await full.ended).code).toBe(0);
  const piped = spawnSync('sh', ['-c', 'ifab witness export | head -n 1'], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  expect(piped).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(piped.stdout)).toMatchObject({ index: 0 });
  const mcp = start(['mcp']);
  mcp.child.stdin?.end(
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n',
  );
  const spoken = await mcp.ended;
  expect(spoken.code).toBe(0);
  fabric.child.kill('SIGTERM');
  expect((await fabric.ended).code).toBe(0);
});
