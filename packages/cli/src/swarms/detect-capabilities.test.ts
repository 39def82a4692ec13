/** Detection on repositories that a test writes: what people write, and what is written against us. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUILT_IN_CAPABILITIES, isBuiltInCapability } from '@infrafabric/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { detectCapabilities } from './detect-capabilities.ts';
import type { Detected, DetectOptions } from './detect-capabilities.ts';
import { LIBRARIES } from './modules.ts';
import { ManifestFault } from './read-manifest.ts';
import { DEPTH_MAX, listRepository } from './repository.ts';
import { confidenceOf } from './signs.ts';
import type { Sign } from './signs.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-detect-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Files = Readonly<Record<string, string | Uint8Array>>;

const repositoryOf = (files: Files): string => {
  const folder = mkdtempSync(join(root, 'repo-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
};

const detect = async (
  folder: string,
  options?: DetectOptions,
): Promise<Readonly<Record<string, Detected>>> =>
  Object.fromEntries(
    (await detectCapabilities(folder, options)).map((one) => [one.capability, one]),
  );
const detectIn = (files: Files) => detect(repositoryOf(files));
const idsIn = async (files: Files): Promise<readonly string[]> =>
  Object.keys(await detectIn(files)).toSorted();

const git = (folder: string, ...words: readonly string[]): void => {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], {
    cwd: folder,
    stdio: 'ignore',
  });
};
const SEARCH_PATH = process.env['PATH'] ?? '';

describe('a manifest speaks before any sign', () => {
  const MANIFEST = [
    'swarm_profiles:',
    '  ndi: { capabilities: [integration:ndi, docs:technical-writing], cost_per_hour: 2 }',
    '  sip: { capabilities: [integration:sip, docs:technical-writing], cost_per_hour: 2 }',
  ].join('\n');

  test('of all its swarms, or of the one that is named', async () => {
    const folder = repositoryOf({ 'ifab-swarm.yaml': MANIFEST, 'main.rs': 'use tonic;' });
    expect(await detectCapabilities(folder)).toEqual([
      {
        capability: 'docs:technical-writing',
        confidencePermille: 1_000,
        evidence: ['ifab-swarm.yaml: a capability of ndi', 'ifab-swarm.yaml: a capability of sip'],
      },
      {
        capability: 'integration:ndi',
        confidencePermille: 1_000,
        evidence: ['ifab-swarm.yaml: a capability of ndi'],
      },
      {
        capability: 'integration:sip',
        confidencePermille: 1_000,
        evidence: ['ifab-swarm.yaml: a capability of sip'],
      },
    ]);
    expect(Object.keys(await detect(folder, { swarmId: 'ndi' }))).toEqual([
      'docs:technical-writing',
      'integration:ndi',
    ]);
  });

  test('a wrong one is refused, and nothing is guessed in its stead', async () => {
    const folder = repositoryOf({ 'ifab-swarm.yaml': 'swarm_id: 7', 'main.rs': 'fn main() {}' });
    await expect(detectCapabilities(folder)).rejects.toThrow(ManifestFault);
  });
});

describe('languages', () => {
  test('are sure by their share of the sources, and a script on the side is none', async () => {
    const files: Record<string, string> = { 'README.md': '# x', 'tools/once.rb': 'puts 1' };
    for (let at = 0; at < 70; at += 1) files[`src/m${at}.rs`] = 'fn f() {}';
    for (let at = 0; at < 29; at += 1) files[`py/m${at}.py`] = 'x = 1';
    const found = await detectIn(files);
    expect(found['code-analysis:rust']).toEqual({
      capability: 'code-analysis:rust',
      confidencePermille: 900,
      evidence: ['src/m0.rs: 70 of 100 sources (70 %)'],
    });
    // 300 for being there, 1.2 for each per mille of its share.
    expect(found['code-analysis:python']?.confidencePermille).toBe(300 + 348);
    expect(found['code-analysis:ruby']).toBeUndefined();
  });

  test('headers count for the language that they are beside', async () => {
    expect(await idsIn({ 'a.h': '', 'b.cpp': '' })).toEqual(['code-analysis:cpp']);
    expect(await idsIn({ 'a.h': '', 'b.c': '' })).toEqual(['code-analysis:c']);
    expect(await idsIn({ 'a.h': '' })).toEqual(['code-analysis:c']);
    expect(await idsIn({ 'a.h': '', 'b.c': '', 'c.cc': '' })).toEqual([
      'code-analysis:c',
      'code-analysis:cpp',
    ]);
  });

  test('code of others says nothing', async () => {
    const found = await idsIn({
      'node_modules/x/index.js': 'require("grandiose")',
      'vendor/y/y.go': 'import "google.golang.org/grpc"',
      'deep/node_modules/z/z.py': 'import kafka',
      '.venv/lib/a.py': 'import kafka',
      'main.rs': 'fn main() {}',
    });
    expect(found).toEqual(['code-analysis:rust']);
  });
});

describe('signs of each kind', () => {
  test.each<readonly [capability: string, path: string, text: string]>([
    ['integration:sip', 'requirements.txt', 'aiosip==0.1 # calls\n'],
    ['integration:sip', 'phone.c', '#include <pjsip.h>\n'],
    ['integration:sip', 'package.json', '{"dependencies":{"sip.js":"^0.21"}}'],
    ['integration:ndi', 'package.json', '{"dependencies":{"grandiose":"1.0.0"}}'],
    ['integration:ndi', 'send.cpp', '#include <Processing.NDI.Lib.h>\n'],
    ['integration:ndi', 'send.py', 'import NDIlib as ndi\n'],
    [
      'integration:webrtc',
      'go.mod',
      'module m\nrequire (\n\tgithub.com/pion/webrtc/v4 v4.0.1\n)\n',
    ],
    ['integration:webrtc', 'peer.py', 'from aiortc import RTCPeerConnection\n'],
    ['integration:h323', 'call.cxx', '#include <h323pdu.h>\n'],
    ['integration:grpc', 'Cargo.toml', '[dependencies]\ntonic = "0.12"\n'],
    [
      'integration:grpc',
      'main.go',
      'package main\nimport (\n\t"google.golang.org/grpc/codes"\n)\n',
    ],
    ['integration:grpc', 'api.proto', 'syntax = "proto3";'],
    ['integration:mqtt', 'Cargo.toml', '[dependencies.rumqttc]\nversion = "0.24"\n'],
    ['integration:kafka', 'pom.xml', '<artifactId>kafka-clients</artifactId>'],
    ['integration:kafka', 'App.java', 'import org.apache.kafka.clients.producer.Producer;\n'],
    [
      'integration:kafka',
      'build.gradle.kts',
      'implementation("org.apache.kafka:kafka-clients:3.7.0")',
    ],
    ['integration:nats', 'bus.ts', "import { connect } from '@nats-io/transport-node';\n"],
    ['integration:mcp', 'server.py', 'from mcp.server import Server\n'],
    ['integration:oauth', 'auth.rs', 'use oauth2::basic::BasicClient;\n'],
    ['integration:amqp', 'Bus.cs', 'using RabbitMQ.Client;\n'],
    ['integration:amqp', 'Gemfile', 'gem "bunny", "~> 2.0"\n'],
    ['integration:http', 'Gemfile', "gem 'rails'\n"],
    ['integration:http', 'composer.json', '{"require":{"laravel/framework":"^11"}}'],
    ['integration:http', 'mix.exs', '{:phoenix, "~> 1.7"}'],
    ['integration:http', 'openapi.yaml', 'openapi: 3.1.0'],
    ['docs:api-design', 'openapi.yaml', 'openapi: 3.1.0'],
    ['database:redis', 'App.csproj', '<PackageReference Include="StackExchange.Redis" />'],
    ['database:redis', 'pyproject.toml', '[project]\ndependencies = [\n  "redis>=5",\n]\n'],
    ['database:postgres', 'main.rb', "require 'pg'\n"],
    ['database:postgres', 'main.rs', 'pub use tokio_postgres::Client;\n'],
    ['database:etcd', 'main.go', 'import clientv3 "go.etcd.io/etcd/client/v3"\n'],
    ['infra:networking', 'CMakeLists.txt', 'find_package(libpcap REQUIRED)\n'],
    ['infra:networking', 'net.c', '#include <sys/socket.h>\n'],
    ['devops:containers', 'Dockerfile', 'FROM scratch'],
    ['devops:infrastructure-as-code', 'main.tf', 'resource "x" "y" {}'],
    ['devops:ci-cd', '.github/workflows/ci.yml', 'on: push'],
    ['devops:kubernetes', 'deploy/Chart.yaml', 'name: x'],
    ['docs:technical-writing', 'mkdocs.yml', 'site_name: x'],
    ['frontend:vue', 'App.vue', '<template></template>'],
    ['testing:unit', 'x_test.go', 'package x'],
    ['ml:llm-integration', 'ask.ts', "const ai = await import('@anthropic-ai/sdk');\n"],
    ['security:cryptography', 'Package.swift', '.package(name: "libsodium")'],
    ['integration:webrtc', 'Call.swift', 'import WebRTC\n'],
    ['cli:design', 'Cargo.toml', '[dependencies]\nclap.workspace = true\n'],
  ])('%s by %s', async (capability, path, text) => {
    const found = (await detectIn({ [path]: text }))[capability];
    expect(found?.confidencePermille).toBeGreaterThanOrEqual(400);
    expect(found?.evidence[0]).toContain(`${path}: `);
  });

  test('statements of JavaScript are read in each of their forms, and text about them is not', async () => {
    const forms: readonly (readonly [text: string, isImport: boolean])[] = [
      ["import 'jssip';", true],
      ["import jssip from 'jssip';", true],
      ['import * as sip from "jssip"', true],
      ["import {\n  UA,\n} from 'jssip';", true],
      ["export { UA } from 'jssip';", true],
      ["const sip = require('jssip');", true],
      ["const sip = await import('jssip');", true],
      ["import type { UA } from 'jssip';", true],
      [`const text = "import x from 'jssip'";`, false],
      ["// import x from 'jssip'", false],
      ["import x from './jssip.js'", false],
      ["const name = 'jssip';", false],
    ];
    for (const [text, isImport] of forms) {
      expect((await idsIn({ 'a.ts': text })).includes('integration:sip'), text).toBe(isImport);
    }
  });

  test('a name that is only like one, and a name of another world, are no sign', async () => {
    const found = await idsIn({
      'a.py': 'import redistribute\nimport sip\n# import kafka\n',
      'b.js': "import './redis/index.js';\nconst text = 'express';\n",
      'requirements.txt': 'express\n',
    });
    expect(found).toEqual(['code-analysis:javascript', 'code-analysis:python']);
  });

  test('several kinds make it surer, and evidence shows each of them', async () => {
    const files: Record<string, string> = { 'requirements.txt': 'grpcio\n', 'a.proto': '' };
    for (let at = 0; at < 9; at += 1) files[`s${at}.py`] = 'import grpc\n';
    const found = (await detectIn(files))['integration:grpc'];
    // 1 - 0.3 (files) × 0.3 (a dependency) × 0.3 (imports in three files or more)
    expect(found?.confidencePermille).toBe(973);
    expect(found?.evidence).toHaveLength(5);
    const evidence = found?.evidence.join('\n');
    expect(evidence).toContain('requirements.txt: depends on grpcio');
    expect(evidence).toContain('a.proto: protocol buffers');
    expect(evidence).toContain('s0.py: imports grpc');
  });

  test('the proposal has an order, and is the same each time', async () => {
    const folder = repositoryOf({ 'a.py': 'import grpc\nimport redis\n', Dockerfile: '' });
    const once = await detectCapabilities(folder);
    expect(once).toEqual(await detectCapabilities(folder));
    const confidences = once.map(({ confidencePermille }) => confidencePermille);
    expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));
  });
});

test('all that signs name is built in', async () => {
  for (const capability of Object.keys(LIBRARIES)) {
    expect(isBuiltInCapability(capability), capability).toBe(true);
  }
  expect(BUILT_IN_CAPABILITIES.length).toBeGreaterThan(Object.keys(LIBRARIES).length);
  const names = Object.values(LIBRARIES).flatMap((text) => text.split(' '));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test('confidence is one minus what each kind leaves open, and never certainty', () => {
  const sign = (kind: Sign['kind'], weightPermille: number): Sign => ({
    capability: 'a:b',
    kind,
    weightPermille,
    path: 'p',
    why: 'w',
  });
  expect(confidenceOf([])).toBe(0);
  expect(confidenceOf([sign('import', 500), sign('import', 400)])).toBe(500);
  expect(confidenceOf([sign('import', 500), sign('files', 500)])).toBe(750);
  expect(confidenceOf([sign('module', 950), sign('files', 900), sign('import', 700)])).toBe(990);
});

/** An unsigned number as LEB128. */
const leb = (value: number): readonly number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >> 7)];
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const section = (id: number, content: readonly number[]): readonly number[] => [
  id,
  ...leb(content.length),
  ...content,
];
const custom = (name: string, text: string): readonly number[] =>
  section(0, [...leb(name.length), ...Buffer.from(name), ...Buffer.from(text)]);
const wasm = (...sections: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from([...PREAMBLE, ...sections.flat()]);

describe('a WebAssembly module', () => {
  test('says by its custom sections what it can do', async () => {
    const found = await detectIn({
      'plugin.wasm': wasm(
        section(
          1,
          Array.from({ length: 300 }, () => 0),
        ),
        custom('name', 'integration:sip'),
        custom('ifab.capabilities', 'integration:ndi\nstudio:lighting,'),
        custom('ifab.capabilities', 'integration:ndi NOT AN ID \u0000docs:api-design'),
      ),
    });
    expect(Object.keys(found).toSorted()).toEqual([
      'code-analysis:wasm',
      'docs:api-design',
      'integration:ndi',
      'studio:lighting',
    ]);
    expect(found['studio:lighting']).toEqual({
      capability: 'studio:lighting',
      confidencePermille: 950,
      evidence: ['plugin.wasm: its section ifab.capabilities says so'],
    });
  });

  test.each<readonly [what: string, bytes: Uint8Array]>([
    ['is none', Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9])],
    ['is empty', new Uint8Array()],
    ['ends in its preamble', Uint8Array.from(PREAMBLE.slice(0, 5))],
    [
      'has a number without end',
      Uint8Array.from([...PREAMBLE, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ],
    ['ends in a number', Uint8Array.from([...PREAMBLE, 0, 0xff])],
    [
      'promises four gigabytes',
      Uint8Array.from([...PREAMBLE, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 17]),
    ],
    [
      'has sections without content',
      Uint8Array.from([...PREAMBLE, ...Array<number>(9_000).fill(0)]),
    ],
    ['ends in our name', wasm([0, 40, 17, ...Buffer.from('ifab.capa')])],
  ])('that %s says nothing', async (_what, bytes) => {
    expect(await idsIn({ 'x.wasm': bytes })).toEqual(['code-analysis:wasm']);
  });
});

describe('a repository that was written against us', () => {
  test('links are not followed: not in circles, not to the outside', async () => {
    const outside = repositoryOf({ 'secret.py': 'import kafka\n' });
    const folder = repositoryOf({ 'src/main.rs': 'fn main() {}' });
    symlinkSync(folder, join(folder, 'src', 'again'));
    symlinkSync('..', join(folder, 'src', 'up'));
    symlinkSync(join(outside, 'secret.py'), join(folder, 'inside.py'));
    symlinkSync(outside, join(folder, 'linked'));
    symlinkSync('/dev/zero', join(folder, 'package.json'));
    expect(Object.keys(await detect(folder))).toEqual(['code-analysis:rust']);
  });

  test('what git tracks and what became a link to the outside is not read through it', async () => {
    const outside = repositoryOf({ 'a.py': 'import kafka\n' });
    const folder = repositoryOf({ 'b.py': 'x = 1\n', 'lib/a.py': 'x = 1\n' });
    git(folder, 'init', '-q');
    git(folder, 'add', '.');
    rmSync(join(folder, 'lib'), { recursive: true });
    symlinkSync(outside, join(folder, 'lib'));
    rmSync(join(folder, 'b.py'));
    symlinkSync(join(outside, 'a.py'), join(folder, 'b.py'));
    expect((await listRepository(folder, SEARCH_PATH)).paths).toEqual(['b.py', 'lib/a.py']);
    expect(Object.keys(await detect(folder, { searchPath: SEARCH_PATH }))).toEqual([
      'code-analysis:python',
    ]);
  });

  test('a program that the repository’s own configuration names is not run', async () => {
    const folder = repositoryOf({ 'main.go': 'package main\n' });
    git(folder, 'init', '-q');
    git(folder, 'add', '.');
    const trap = join(folder, 'trap.sh');
    writeFileSync(trap, `#!/bin/sh\ntouch "${folder}/sprung"\n`);
    chmodSync(trap, 0o755);
    git(folder, 'config', 'core.fsmonitor', trap);
    git(folder, 'config', 'core.sshCommand', trap);
    // The trap is a trap: a plain look at the index springs it.
    git(folder, 'status');
    expect(existsSync(join(folder, 'sprung'))).toBe(true);
    rmSync(join(folder, 'sprung'));
    expect((await listRepository(folder, SEARCH_PATH)).paths).toEqual(['main.go']);
    expect(existsSync(join(folder, 'sprung'))).toBe(false);
  });

  test('a huge file costs no more than its head, a pipe no time, a binary nothing', async () => {
    const folder = repositoryOf({
      'head.py': 'import grpc\n',
      'b.py': Buffer.from('\0import kafka\n'),
    });
    // Sparse: 8 GB in length, nothing on the disk.
    truncateSync(join(folder, 'head.py'), 8 * 1024 ** 3);
    writeFileSync(join(folder, 'package.json'), '{"dependencies":{"redis":"5"}');
    truncateSync(join(folder, 'package.json'), 8 * 1024 ** 3);
    execFileSync('mkfifo', [join(folder, 'pipe.py')]);
    execFileSync('mkfifo', [join(folder, 'go.mod')]);
    const before = Date.now();
    expect(Object.keys(await detect(folder))).toEqual(['code-analysis:python']);
    expect(Date.now() - before).toBeLessThan(5_000);
  });

  test('names with control characters and half characters are written out, not obeyed', async () => {
    const folder = repositoryOf({ 'a\u001b[2Jb\u202e.py': 'import grpc\n', 'x\ny.tf': '' });
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe]), Buffer.from('.rb')]),
      '',
    );
    const found = await detectCapabilities(folder);
    const text = JSON.stringify(found);
    expect(text).toContain('\\\\u{1b}[2Jb\\\\u{202e}.py');
    expect(text).toContain('x\\\\u{a}y.tf');
    for (const { evidence } of found) {
      for (const line of evidence) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
    }
    expect(found.map(({ capability }) => capability)).toContain('code-analysis:ruby');
  });

  test('a long module name, a long line and a long list are cut, not followed', async () => {
    const name = `${'a.'.repeat(50_000)}kafka`;
    const found = await idsIn({
      'a.py': `import ${name}\n${' '.repeat(200_000)}import kafka\n`,
      'package.json': JSON.stringify({
        dependencies: Object.fromEntries(
          [...Array(5_000).keys()].map((at) => [`left-pad-${at}`, '1']).concat([['kafkajs', '2']]),
        ),
      }),
      'go.mod': `require ${'x.'.repeat(100_000)} v1\n`.repeat(3),
    });
    expect(found).toEqual(['code-analysis:go', 'code-analysis:python'].toSorted());
  });

  test('a deep tree ends, and says that it was cut', async () => {
    const folder = repositoryOf({
      'a.py': '',
      [`${'d/'.repeat(DEPTH_MAX + 5)}b.rb`]: '',
      [`${'e/'.repeat(DEPTH_MAX - 2)}c.go`]: '',
    });
    const cuts: string[] = [];
    const found = await detect(folder, { onCut: (what) => cuts.push(what) });
    expect(Object.keys(found).toSorted()).toEqual(['code-analysis:go', 'code-analysis:python']);
    expect(cuts).toHaveLength(1);
  });

  test('of thousands of sources a sample shows what one in ten does, in whatever rhythm', async () => {
    const files: Record<string, string> = {};
    for (let at = 0; at < 2_500; at += 1) {
      files[`src/f${at}.py`] = at % 10 === 0 ? 'import grpc\n' : 'x = 1\n';
    }
    const found = await detectIn(files);
    expect(found['integration:grpc']?.confidencePermille).toBe(700);
  });

  test('a folder fuller than is read is cut, and says so', async () => {
    const folder = repositoryOf({ 'a/b.go': '' });
    for (let at = 0; at <= 20_000; at += 1) writeFileSync(join(folder, `f${at}.py`), '');
    const cuts: string[] = [];
    const found = await detect(folder, { onCut: (what) => cuts.push(what) });
    expect(found['code-analysis:python']?.evidence[0]).toMatch(/ of \d+ sources \((99|100) %\)$/);
    expect(cuts).toEqual(['the repository has more files than are looked at']);
  });

  test('JSON that is no object, and objects with names of their prototype', async () => {
    expect(
      await idsIn({
        'package.json': '[1]',
        'a/package.json': '{"dependencies":[]}',
        'b/composer.json': '{',
      }),
    ).toEqual(['code-analysis:php']);
    const odd = '{"dependencies":{"__proto__":"1","constructor":"1","hasOwnProperty":"1"}}';
    expect(await idsIn({ 'package.json': odd })).toEqual([]);
  });
});

describe('files', () => {
  test('are those that git tracks, from the folder that is asked for', async () => {
    const folder = repositoryOf({
      'a.py': '',
      'sub/b.py': '',
      'ignored.rb': '',
      '.gitignore': '*.rb',
    });
    git(folder, 'init', '-q');
    git(folder, 'add', '.');
    expect((await listRepository(folder, SEARCH_PATH)).paths).toEqual([
      '.gitignore',
      'a.py',
      'sub/b.py',
    ]);
    expect((await listRepository(join(folder, 'sub'), SEARCH_PATH)).paths).toEqual(['b.py']);
  });

  test('are walked where git tracks nothing, or is not there', async () => {
    const folder = repositoryOf({ 'a.py': '', '.hidden/c.py': '', '.github/workflows/d.yml': '' });
    const walked = ['.github/workflows/d.yml', 'a.py'];
    expect((await listRepository(folder, '')).paths).toEqual(walked);
    expect((await listRepository(folder, '/nowhere')).paths).toEqual(walked);
    git(folder, 'init', '-q');
    expect((await listRepository(folder, SEARCH_PATH)).paths).toEqual(walked);
  });

  test('of an empty folder are none, and no folder is an error of the system', async () => {
    expect(await detectCapabilities(repositoryOf({}))).toEqual([]);
    await expect(detectCapabilities(join(root, 'nowhere'))).rejects.toThrow('ENOENT');
    const file = join(repositoryOf({ x: '' }), 'x');
    await expect(detectCapabilities(file)).rejects.toThrow('ENOTDIR');
  });
});
