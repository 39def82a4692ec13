import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const root = dirname(dirname(import.meta.dirname));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function demo(...args: readonly string[]): Promise<Ended> {
  const script = join(root, 'scripts', 'demo.ts');
  const child = spawn(process.execPath, ['--conditions=source', script, ...args], { cwd: root });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  return { code: Number(code), ...text };
}

test('the demonstration keeps what it promises, and says so in one JSON object', async () => {
  const { code, stdout, stderr } = await demo('--json', '--seed', '11');
  const lines = stdout.trim().split('\n');
  expect(lines, stderr).toHaveLength(1);
  const summary = JSON.parse(lines[0] ?? '');
  try {
    expect(summary).toMatchObject({
      ok: true,
      tasks: 514,
      done: 514,
      doubleClaims: 0,
      verified: true,
    });
    expect(summary.staleWritesRefused).toBeGreaterThanOrEqual(1);
    expect(summary.deadSessionsRecovered).toBeGreaterThanOrEqual(1);
    expect(summary.replayed).toBe(summary.size);
    expect(summary.root).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(existsSync(join(summary.folder, 'journal'))).toBe(true);
    expect(code).toBe(0);
  } finally {
    rmSync(summary.folder, { recursive: true, force: true });
  }
  // Each refusal comes with its reason, and a late write with the name of the new holder.
  for (const said of [
    'task.leased',
    'lease.forged',
    'auth.forbidden',
    'capability.missing',
    'plan.cycle',
  ]) {
    expect(stderr).toContain(said);
  }
  expect(stderr).toMatch(/awake again[^\n]*lease\.stale\n[^\n]*it is leased to s\d-/);
  expect(stderr).toContain(`rm -rf ${summary.folder}`);
});
