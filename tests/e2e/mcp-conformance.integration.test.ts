import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryBlobs } from '../../packages/fabric/src/engine/blob-folder.ts';
import {
  createMemoryRealm,
  openMemoryFabric,
} from '../../packages/fabric/src/engine/open-memory.ts';
import type { LeadingFabric } from '../../packages/fabric/src/engine/open.ts';
import { silentLog } from '../../packages/fabric/src/engine/ports.ts';
import { startHttp } from '../../packages/fabric/src/surfaces/http/start-http.ts';
import type { HttpSurface } from '../../packages/fabric/src/surfaces/http/start-http.ts';
import { createTransport } from '../../packages/fabric/src/surfaces/mcp/http.ts';
import { conformanceFixture } from './mcp-fixture.ts';

let fabric: LeadingFabric;
let http: HttpSurface;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
  fabric = await openMemoryFabric(createMemoryRealm());
  const transport = createTransport(conformanceFixture, silentLog);
  http = await startHttp({
    fabric,
    witness: { checkpoint: async () => undefined, tile: async () => undefined },
    blobs: memoryBlobs(),
    log: silentLog,
    port: 0,
    mounts: [
      {
        path: '/mcp',
        serve: (incoming, outgoing) => void transport.serve(incoming, outgoing),
      },
    ],
  });
});
afterAll(async () => {
  await http.close();
  await fabric.close();
  await rm(folder, { recursive: true });
});

const SUITE = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);
const baseline = (revision: string): string =>
  fileURLToPath(new URL(`../conformance-baseline-${revision}.yml`, import.meta.url));

interface Run {
  readonly exitCode: number;
  /** `scenario` → checks passed and failed. */
  readonly counts: ReadonlyMap<string, { readonly passed: number; readonly failed: number }>;
  readonly text: string;
}

function runSuite(revision: string): Promise<Run> {
  const args = [SUITE, 'server', '--url', `${http.url}/mcp`, '--requirements', revision];
  args.push('--expected-failures', baseline(revision), '-o', join(folder, revision));
  return new Promise((resolve) => {
    execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const rows = stdout.matchAll(/^[✓✗~] ([\w-]+): (\d+) passed, (\d+) failed/gmu);
      const counts = [...rows].map(([, scenario = '', passed, failed]): [string, Count] => [
        scenario,
        { passed: Number(passed), failed: Number(failed) },
      ]);
      const exitCode = error === null ? 0 : Number(error.code ?? 1);
      resolve({ exitCode, counts: new Map(counts), text: stdout + stderr });
    });
  });
}

type Count = Run['counts'] extends ReadonlyMap<string, infer C> ? C : never;

test('2026-07-28: no failure without a reason; stateless, headers and rebinding all green', async () => {
  const { exitCode, counts, text } = await runSuite('2026-07-28');
  expect(exitCode, text.slice(-4_000)).toBe(0);
  expect(counts.get('server-stateless')).toEqual({ passed: 28, failed: 0 });
  expect(counts.get('http-header-validation')).toEqual({ passed: 14, failed: 0 });
  expect(counts.get('dns-rebinding-protection')).toEqual({ passed: 2, failed: 0 });
  expect(counts.get('caching')).toEqual({ passed: 8, failed: 0 });
});

test('2025-11-25: no failure without a reason', async () => {
  const { exitCode, counts, text } = await runSuite('2025-11-25');
  expect(exitCode, text.slice(-4_000)).toBe(0);
  expect(counts.get('server-initialize')).toEqual({ passed: 2, failed: 0 });
  expect(counts.get('ping')).toEqual({ passed: 2, failed: 0 });
  expect(counts.get('dns-rebinding-protection')).toEqual({ passed: 2, failed: 0 });
});
