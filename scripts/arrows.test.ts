import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'arrows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The names of the rules that a tree of sources breaks, in order. */
async function broken(sources: Readonly<Record<string, string>>): Promise<readonly string[]> {
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const config = join(root, '.dependency-cruiser.mjs');
  const cruise = join(root, 'node_modules', '.bin', 'depcruise');
  const args = [cruise, '--config', config, '--output-type', 'json', 'packages'];
  // Its JSON comes on stdout with exit code 0; findings are in it.
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  const report: {
    readonly summary: { readonly violations: readonly { readonly rule: { name: string } }[] };
  } = JSON.parse(stdout);
  return report.summary.violations.map(({ rule }) => rule.name).toSorted();
}

test('an arrow that nobody drew is found in TypeScript, also where only its type is imported', async () => {
  const rules = await broken({
    'packages/core/src/index.ts': "export { now } from './kernel/clock.ts';\n",
    'packages/core/src/kernel/clock.ts': [
      "import type { Stats } from 'node:fs';",
      "import type { Disk } from '../../../fabric/src/index.ts';",
      "import { claim } from '../coordinator/index.ts';",
      'export const now = (disk: Disk, stats: Stats): readonly unknown[] => [disk, stats, claim];',
      '',
    ].join('\n'),
    'packages/core/src/coordinator/index.ts': 'export const claim = 1;\n',
    'packages/fabric/src/index.ts': 'export interface Disk { readonly path: string }\n',
  });
  expect(rules).toEqual(['core-and-tlog-are-pure', 'core-imports-ours', 'kernel-runs-no-room']);
}, 30_000);
