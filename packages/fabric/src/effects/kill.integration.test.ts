import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const LIFE = new URL('../../test/notified-life.ts', import.meta.url).pathname;
const FLAGS = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
const LIVES = 6;

/** The output of one life; it is killed when it has raised so many escalations (never: it ends by itself). */
const live = (folder: string, mode: string, killAfter: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...FLAGS, LIFE, folder, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split('\n').length - 1 >= killAfter) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve(text);
      else reject(new Error(`the life ended with ${String(code)}: ${text}`));
    });
  });

const noticesIn = (folder: string): readonly string[] => {
  const ids: string[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('notices')) continue;
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      // A line that a kill tore is no notice; the next life delivers it again.
      const [, id] = /^\{.*"id":"(esc_\d+)".*\}$/.exec(line) ?? [];
      if (id !== undefined) ids.push(id);
    }
  }
  return ids;
};

test('N1: through kill -9 after kill -9, every escalation of the log is told of', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-killed-'));
  const acknowledged = new Set<string>();
  for (let life = 0; life < LIVES; life += 1) {
    const said = await live(folder, 'raise', 15 + life * 23);
    for (const [, id = ''] of said.matchAll(/raised (\S+)\n/g)) acknowledged.add(id);
  }
  const beforeTheLast = noticesIn(folder).length;
  const [, list = ''] = /^all (.*)$/m.exec(await live(folder, 'drain', Infinity)) ?? [];
  const logged = list.split(' ');
  const told = noticesIn(folder);
  rmSync(folder, { recursive: true });

  expect(acknowledged.size).toBeGreaterThan(LIVES * 15);
  for (const id of acknowledged) expect(logged).toContain(id);
  expect(new Set(told)).toEqual(new Set(logged));
  expect(beforeTheLast, 'some were told of before the end').toBeGreaterThan(0);
  // A kill repeats at most the one notice whose cursor was not saved yet.
  expect(told.length - logged.length).toBeLessThanOrEqual(LIVES);
});
