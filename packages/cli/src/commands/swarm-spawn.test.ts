/** `ifab swarm spawn` against a fabric that remembers what it was sent, and holds every call to its operation's schema. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOperation } from '@infrafabric/protocol';
import type { OutputOf } from '@infrafabric/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { json } from '../../test/io.ts';
import { spawnSwarm } from '../../test/spawn.ts';
import type { SpawnOptions, SpawnRan } from '../../test/spawn.ts';
import { problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Wire } from '../../test/wire.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-spawn-'));
const wires: Wire[] = [];
afterAll(async () => {
  for (const wire of wires) await wire.close();
  rmSync(root, { recursive: true, force: true });
});

interface Fabric {
  readonly wire: Wire;
  /** Names of the calls that change something, in their order. */
  readonly writes: () => readonly string[];
  readonly tokens: string[];
}

interface FabricOptions {
  readonly defined?: readonly string[];
  /** Sessions that it opens before it refuses. */
  readonly sessionsMax?: number;
}

/** What of a fabric a spawn meets, by the schemas of the real operations. */
const fabricThat = async ({
  defined = [],
  sessionsMax = 100,
}: FabricOptions = {}): Promise<Fabric> => {
  const profiles = new Map<string, string>();
  const sessions: OutputOf<'sessions.list'>['sessions'][number][] = [];
  const tokens: string[] = [];
  const checked =
    (operation: string, answer: (input: Readonly<Record<string, unknown>>) => object) =>
    (input: Readonly<Record<string, unknown>>): object => {
      const schemas = findOperation(operation);
      if (schemas === undefined) throw new Error(`there is no ${operation}`);
      const parsed = schemas.input.safeParse(input);
      if (!parsed.success) return problem('request.invalid', 'fix-request', 400);
      const said = answer(input);
      if ('remedy' in said) return said;
      const { error } = schemas.output.safeParse(said);
      // A fake that lies is a fault of the test: it is told, and nobody waits for an answer.
      return error === undefined ? said : problem(`test.${operation}`, 'report-bug', 500);
    };
  const wire = await serveAnswers({
    'realm.status': () => STATUS,
    'capabilities.list': checked('capabilities.list', () => ({
      capabilities: defined.map((id) => ({ id, description: 'Ours.', builtIn: false, swarms: 0 })),
    })),
    'swarms.register': checked('swarms.register', ({ profile }) => {
      const { swarmId, limitMicroUsd = 100_000_000 } = Object(profile);
      const text = JSON.stringify(profile);
      const changed = profiles.get(swarmId) !== text;
      profiles.set(swarmId, text);
      return { swarmId, changed, limitMicroUsd };
    }),
    'sessions.list': checked('sessions.list', () => ({ sessions })),
    'sessions.open': checked('sessions.open', ({ agent, swarm, capabilities }) => {
      if (sessions.length >= sessionsMax) return problem('session.too_many', 'retry-later', 429);
      const at = sessions.length + 1;
      const sessionId = `ses_${String(at).padStart(16, '0')}`;
      sessions.push({
        sessionId,
        agent,
        swarm,
        capabilities,
        role: 'worker',
        status: 'open',
        liveness: 'starting',
        reason: 'opened',
        lastEvidence: 'heartbeat',
        lastEvidenceAt: at,
        openedAt: at,
        leases: [],
      } as unknown as (typeof sessions)[number]);
      const token = `secret-token-${at}`;
      tokens.push(token);
      return { sessionId, token, tokenExpiresAt: Date.now() + 3_600_000, heartbeatMs: 10_000 };
    }),
  });
  wires.push(wire);
  const writes = (): readonly string[] =>
    wire.calls
      .map(([operation]) => operation)
      .filter((operation) => /\.(register|open)$/.test(operation));
  return { wire, writes, tokens };
};

const spawn = (
  words: readonly string[],
  { wire }: { readonly wire?: Wire } = {},
  options: SpawnOptions = {},
): Promise<SpawnRan> =>
  spawnSwarm(words, root, { ...options, env: { ...wire?.env, ...options.env } });

const repositoryOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(root, 'repo-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

const STATED = ['--capabilities', 'integration:ndi,docs:technical-writing'];
const COSTS = ['--cost-per-hour', '2.00', '--budget', '40.00', '--reputation', '0.95'];
const PROFILE = {
  swarmId: 'session-1-ndi',
  capabilities: ['integration:ndi', 'docs:technical-writing'],
  costPerHourMicroUsd: 2_000_000,
  reputationPermille: 950,
  limitMicroUsd: 40_000_000,
};
const tokensIn = (path: string) =>
  JSON.parse(readFileSync(path, 'utf8')) as {
    readonly sessions: readonly { readonly agent: string; readonly token: string }[];
  };

describe('a swarm of stated capabilities', () => {
  test('is registered with its budget, its sessions are open, their tokens in a file of its owner', async () => {
    const fabric = await fabricThat();
    const words = ['session-1-ndi', ...STATED, ...COSTS, '--sessions', '3'];
    const ran = await spawn(words, fabric);
    expect(ran.code).toBe(0);
    const path = join(ran.dataDir, 'swarms', 'session-1-ndi.tokens.json');
    expect(ran.stdout).toBe(
      [
        'swarm session-1-ndi: 2 capabilities, $2.00 an hour, limit $40.00, reputation 0.95',
        '3 sessions opened:',
        '  session-1-ndi-1  ses_0000000000000001',
        '  session-1-ndi-2  ses_0000000000000002',
        '  session-1-ndi-3  ses_0000000000000003',
        `their tokens, for your eyes alone: ${path}`,
        '',
      ].join('\n'),
    );
    const calls = new Map(fabric.wire.calls);
    expect(calls.get('swarms.register')).toEqual({ profile: PROFILE });
    expect(calls.get('sessions.open')).toEqual({
      agent: 'session-1-ndi-3',
      swarm: 'session-1-ndi',
      capabilities: PROFILE.capabilities,
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(ran.dataDir, 'swarms')).mode & 0o777).toBe(0o700);
    expect(tokensIn(path)).toMatchObject({
      format: 'ifab-tokens/1',
      swarmId: 'session-1-ndi',
      sessions: fabric.tokens.map((token, at) => ({
        agent: `session-1-ndi-${at + 1}`,
        token,
        url: fabric.wire.url,
      })),
    });
    expect(readdirSync(join(ran.dataDir, 'swarms'))).toHaveLength(1);
    expect(fabric.tokens).toHaveLength(3);
    for (const token of fabric.tokens) expect(ran.stdout + ran.stderr).not.toContain(token);
  });

  test('again with the same words changes nothing, and says so', async () => {
    const fabric = await fabricThat();
    const words = ['a', ...STATED, ...COSTS, '--sessions', '2'];
    const first = await spawn(words, fabric);
    const path = join(first.dataDir, 'swarms', 'a.tokens.json');
    const before = readFileSync(path);
    const writes = fabric.writes().length;
    const { dataDir } = first;
    const second = await spawn(words, fabric, { dataDir });
    expect(second.stdout).toBe(
      'swarm a was there already with this profile (2 capabilities, $2.00 an hour, limit $40.00, reputation 0.95), its 2 sessions are open; nothing changed\n',
    );
    expect(readFileSync(path)).toEqual(before);
    expect(fabric.writes().slice(writes)).toEqual(['swarms.register']);
    expect(json((await spawn([...words, '--json'], fabric, { dataDir })).stdout)).toMatchObject({
      changed: false,
      sessions: [{ opened: false }, { opened: false }],
    });
  });

  test('with more sessions gets those that are missing, and keeps the tokens that it has', async () => {
    const fabric = await fabricThat();
    const { dataDir } = await spawn(['a', ...STATED, ...COSTS], fabric);
    const more = await spawn(['a', ...STATED, ...COSTS, '--sessions', '3'], fabric, { dataDir });
    expect(more.stdout).toContain('was there already');
    expect(more.stdout).toContain('2 sessions opened:\n  a-2  ');
    expect(
      tokensIn(join(dataDir, 'swarms', 'a.tokens.json')).sessions.map(({ agent }) => agent),
    ).toEqual(['a-1', 'a-2', 'a-3']);
    const changed = await spawn(['a', ...STATED, '--cost-per-hour', '3'], fabric, { dataDir });
    expect(changed.stdout).toBe('swarm a: 2 capabilities, $3.00 an hour, limit $100.00\n');
    expect(changed.stderr).toContain('keep the capabilities that they were opened with');
  });

  test('without sessions is only registered', async () => {
    const fabric = await fabricThat();
    const ran = await spawn(['a', ...STATED, '--cost-per-hour', '0', '--sessions', '0'], fabric);
    expect(ran.stdout).toBe('swarm a: 2 capabilities, $0.00 an hour, limit $100.00\n');
    expect(fabric.writes()).toEqual(['swarms.register']);
    expect(existsSync(join(ran.dataDir, 'swarms'))).toBe(false);
  });

  test('with a capability that the realm has defined', async () => {
    const fabric = await fabricThat({ defined: ['studio:lighting'] });
    const words = ['a', '--capabilities', 'studio:lighting', '--cost-per-hour', '1'];
    expect((await spawn(words, fabric)).code).toBe(0);
    const other = await spawn(words, await fabricThat());
    expect(other.code).toBe(2);
  });
});

describe('tokens', () => {
  test('are on the screen only for programs that ask twice', async () => {
    const fabric = await fabricThat();
    const words = ['a', ...STATED, ...COSTS];
    const asked = await spawn([...words, '--json', '--show-tokens'], fabric);
    expect(json(asked.stdout)).toMatchObject({
      swarmId: 'a',
      changed: true,
      profile: { ...PROFILE, swarmId: 'a' },
      limitMicroUsd: 40_000_000,
      sessions: [{ agent: 'a-1', opened: true, token: 'secret-token-1' }],
    });
    const plain = await spawn(['b', ...STATED, ...COSTS, '--json'], fabric);
    expect(plain.stdout).toContain('"agent":"b-1"');
    expect(plain.stdout + plain.stderr).not.toContain('secret-token');
    const refused = await spawn([...words, '--show-tokens'], fabric);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('needs --json');
  });

  test('that were given are kept though a later session is refused', async () => {
    const fabric = await fabricThat({ sessionsMax: 2 });
    const ran = await spawn(['a', ...STATED, ...COSTS, '--sessions', '3'], fabric);
    expect(ran.stderr).toContain('session.too_many');
    expect(
      tokensIn(join(ran.dataDir, 'swarms', 'a.tokens.json')).sessions.map(({ token }) => token),
    ).toEqual(['secret-token-1', 'secret-token-2']);
  });

  test('go to the file that is named, beside no other’s, over no other file', async () => {
    const fabric = await fabricThat();
    const words = ['a', ...STATED, ...COSTS, '--tokens-file'];
    const cwd = mkdtempSync(join(root, 'cwd-'));
    const target = join(cwd, 'target.txt');
    writeFileSync(target, 'kept');
    expect((await spawn([...words, 'target.txt'], fabric, { cwd })).stderr).toContain(
      'is no file of tokens',
    );
    expect(readFileSync(target, 'utf8')).toBe('kept');
    expect(fabric.writes()).toEqual([]);
    expect((await spawn([...words, 'own.json'], fabric, { cwd })).code).toBe(0);
    expect(tokensIn(join(cwd, 'own.json')).sessions).toHaveLength(1);
    expect(readdirSync(cwd).toSorted()).toEqual(['own.json', 'target.txt']);
  });

  test('replace a link, and never what it leads to; a wider mode becomes the owner’s', async () => {
    const fabric = await fabricThat();
    const cwd = mkdtempSync(join(root, 'cwd-'));
    const victim = join(cwd, 'victim.json');
    writeFileSync(victim, JSON.stringify({ format: 'ifab-tokens/1', swarmId: 'a', sessions: [] }));
    chmodSync(victim, 0o644);
    symlinkSync(victim, join(cwd, 'link.json'));
    await spawn(['a', ...STATED, ...COSTS, '--tokens-file', 'link.json'], fabric, { cwd });
    expect(readFileSync(victim, 'utf8')).not.toContain('secret');
    expect(tokensIn(join(cwd, 'link.json')).sessions).toHaveLength(1);
    await spawn(['b', ...STATED, ...COSTS, '--tokens-file', 'victim.json'], fabric, { cwd });
    expect(statSync(victim).mode & 0o777).toBe(0o600);
  });

  test('that have expired leave the file', async () => {
    const fabric = await fabricThat();
    const cwd = mkdtempSync(join(root, 'cwd-'));
    const row = {
      agent: 'old-1',
      sessionId: 'ses_00000000000000zz',
      token: 'x',
      tokenExpiresAt: Date.now() - 1,
      url: 'http://127.0.0.1:1',
    };
    const live = { ...row, agent: 'other-1', tokenExpiresAt: Date.now() + 1_000_000 };
    const content = { format: 'ifab-tokens/1', swarmId: 'a', sessions: [row, live] };
    writeFileSync(join(cwd, 't.json'), JSON.stringify(content));
    await spawn(['a', ...STATED, ...COSTS, '--tokens-file', 't.json'], fabric, { cwd });
    expect(tokensIn(join(cwd, 't.json')).sessions.map(({ agent }) => agent)).toEqual([
      'other-1',
      'a-1',
    ]);
  });

  test('are asked for only once they can be kept', async () => {
    const fabric = await fabricThat();
    const words = ['a', ...STATED, ...COSTS, '--tokens-file'];
    expect((await spawn([...words, '/dev/null/tokens.json'], fabric)).code).toBe(2);
    expect(fabric.writes()).toEqual([]);
    // A folder under the name that the file is first written by: the rename would come too late.
    const taken = mkdtempSync(join(root, 'taken-'));
    expect((await spawn([...words, taken], fabric)).code).toBe(2);
    expect(fabric.writes()).toEqual([]);
  });
});

describe('capabilities of a repository', () => {
  const REPO = {
    'package.json': '{"dependencies":{"jssip":"3"}}',
    'a.js': "import x from 'jssip';",
    'b.js': '',
    'tools.rb': '',
  };

  test('are shown with their evidence, and taken when a person says so', async () => {
    const fabric = await fabricThat();
    const cwd = repositoryOf(REPO);
    const ran = await spawn(['a', ...COSTS], fabric, { cwd, terminal: true, answers: ['y'] });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(
      /1 {2}code-analysis:javascript +90 % {2}a\.js: 2 of 3 sources \(66 %\)/,
    );
    expect(ran.stderr).toMatch(/2 {2}integration:sip +82 % {2}package\.json: depends on jssip/);
    expect(ran.stderr).toMatch(/\n +a\.js: imports jssip/);
    expect(ran.stderr).toContain('with all of it: 3 capabilities, $2.00 an hour, limit $40.00');
    expect(ran.stderr).toContain('Take these 3? [y/N, or numbers as 1,3] ');
    expect(new Map(fabric.wire.calls).get('swarms.register')).toMatchObject({
      profile: {
        capabilities: ['code-analysis:javascript', 'integration:sip', 'code-analysis:ruby'],
      },
    });
  });

  test('may be taken in part, by their numbers', async () => {
    const fabric = await fabricThat();
    const cwd = repositoryOf(REPO);
    await spawn(['a', ...COSTS], fabric, { cwd, terminal: true, answers: ['2, 2'] });
    expect(new Map(fabric.wire.calls).get('swarms.register')).toMatchObject({
      profile: { capabilities: ['integration:sip'] },
    });
  });

  test.each([[''], ['n'], ['0'], ['4'], ['1,x'], ['yes please']])(
    'are not taken where the answer is “%s”',
    async (answer) => {
      const fabric = await fabricThat();
      const options = { cwd: repositoryOf(REPO), terminal: true, answers: [answer] };
      const ran = await spawn(['a', ...COSTS], fabric, options);
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('nothing was done');
      expect(fabric.writes()).toEqual([]);
    },
  );

  test('want --accept or --yes where nobody can be asked', async () => {
    const fabric = await fabricThat();
    const cwd = repositoryOf(REPO);
    for (const [words, terminal] of [
      [[], false],
      [['--no-input'], true],
    ] as const) {
      const ran = await spawn(['a', ...COSTS, ...words, '--json'], fabric, { cwd, terminal });
      expect(json(ran.stderr)).toMatchObject({
        code: 'cli.confirm',
        remedy: 'fix-request',
        next: expect.stringContaining('--accept') as unknown,
        facts: { detected: [{ capability: 'code-analysis:javascript' }, {}, {}] },
      });
    }
    expect(fabric.writes()).toEqual([]);
    expect((await spawn(['a', ...COSTS, '--accept'], fabric, { cwd })).code).toBe(0);
    expect((await spawn(['b', ...COSTS, '--yes'], fabric, { cwd })).code).toBe(0);
  });

  test('add to stated ones where a repository is named', async () => {
    const fabric = await fabricThat();
    const repo = repositoryOf({ 'a.js': "import x from 'jssip';" });
    const words = ['a', '--capabilities', 'integration:sip,cli:design', '--repo', repo, ...COSTS];
    await spawn([...words, '--accept'], fabric);
    expect(new Map(fabric.wire.calls).get('swarms.register')).toMatchObject({
      profile: { capabilities: ['integration:sip', 'cli:design', 'code-analysis:javascript'] },
    });
  });

  test('that are unsure, or that the realm does not know, are named and not proposed', async () => {
    const list = Buffer.from('studio:lighting');
    const name = Buffer.from('ifab.capabilities');
    const content = [name.length, ...name, ...list];
    const cwd = repositoryOf({ 'a.rs': '', Dockerfile: '' });
    writeFileSync(
      join(cwd, 'm.wasm'),
      Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, content.length, ...content]),
    );
    for (let at = 0; at < 20; at += 1) writeFileSync(join(cwd, `m${at}.rs`), '');
    writeFileSync(join(cwd, 'side.py'), '');
    const options = { cwd, terminal: true, answers: ['y'] };
    const ran = await spawn(['a', ...COSTS], await fabricThat(), options);
    expect(ran.stderr).toContain(
      'not proposed: studio:lighting (95 %), code-analysis:python (35 %)',
    );
    const known = await fabricThat({ defined: ['studio:lighting'] });
    await spawn(['a', ...COSTS], known, { ...options, answers: ['1'] });
    expect(new Map(known.wire.calls).get('swarms.register')).toMatchObject({
      profile: { capabilities: ['studio:lighting'] },
    });
  });

  test('where there are none, somebody must name them', async () => {
    const fabric = await fabricThat();
    const ran = await spawn(['a', ...COSTS, '--accept'], fabric, { cwd: repositoryOf({}) });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('--capabilities a,b');
    expect(fabric.writes()).toEqual([]);
  });
});

describe('a manifest', () => {
  const MANIFEST = [
    'swarm_profiles:',
    '  session-1-ndi:',
    '    capabilities: [integration:ndi, docs:technical-writing]',
    '    cost_per_hour: 2.0',
    '    reputation_score: 0.95',
    '    budget: 40.0',
    '    relations: [{ kind: minister-of, with: session-4-sip }]',
    '  session-4-sip:',
    '    capabilities: [integration:sip, code-analysis:python]',
    '    cost_per_hour: 2.0',
    '',
  ].join('\n');

  test('that is named gives the whole profile without a question, and flags win over it', async () => {
    const fabric = await fabricThat();
    const cwd = repositoryOf({ 'swarms.yaml': MANIFEST, 'a.rs': '' });
    const words = ['session-1-ndi', '--manifest', 'swarms.yaml'];
    expect((await spawn(words, fabric, { cwd })).code).toBe(0);
    const relations = [{ kind: 'minister-of', with: 'session-4-sip' }];
    const sent = () => new Map(fabric.wire.calls).get('swarms.register');
    expect(sent()).toEqual({ profile: { ...PROFILE, relations } });
    const flags = ['--budget', '5', '--capabilities', 'cli:design', '--role', 'support'];
    await spawn([...words, ...flags, '--model', 'haiku'], fabric, { cwd });
    expect(sent()).toEqual({
      profile: {
        ...PROFILE,
        relations,
        capabilities: ['cli:design'],
        limitMicroUsd: 5_000_000,
        role: 'support',
        model: 'haiku',
      },
    });
  });

  test('of the repository is somebody else’s word: a person is asked, and sees its money', async () => {
    const fabric = await fabricThat();
    const cwd = repositoryOf({ 'ifab-swarm.yaml': MANIFEST, 'a.rs': '' });
    const words = ['session-1-ndi'];
    expect((await spawn(words, fabric, { cwd })).stderr).toContain('--accept');
    const ran = await spawn(words, fabric, { cwd, terminal: true, answers: ['y'] });
    expect(ran.stderr).toContain('100 %  ifab-swarm.yaml: a capability of session-1-ndi');
    expect(ran.stderr).toContain('2 capabilities, $2.00 an hour, limit $40.00, reputation 0.95');
    const capabilities = ['docs:technical-writing', 'integration:ndi'];
    expect(new Map(fabric.wire.calls).get('swarms.register')).toMatchObject({
      profile: { ...PROFILE, capabilities },
    });
  });

  test('without the swarm is refused, and says whom it has', async () => {
    const cwd = repositoryOf({ 'swarms.yaml': MANIFEST });
    const ran = await spawn(['x', '--manifest', 'swarms.yaml'], await fabricThat(), { cwd });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('It has: session-1-ndi, session-4-sip');
  });

  test('that is wrong is refused with every field, its line and its mend', async () => {
    const text = MANIFEST.replace('integration:ndi', 'integration:nid').replace('40.0', '-40');
    const cwd = repositoryOf({ 'swarms.yaml': text, 'ifab-swarm.yaml': text });
    const fabric = await fabricThat();
    const words = ['session-1-ndi', '--manifest', 'swarms.yaml', '--json'];
    expect(json((await spawn(words, fabric, { cwd })).stderr)).toMatchObject({
      code: 'cli.input',
      facts: {
        issues: [{ path: 'swarm_profiles.session-1-ndi.budget', line: 6, what: 'is negative' }],
      },
    });
    const people = await spawn(['session-1-ndi', '--accept'], fabric, { cwd });
    expect(people.stderr).toContain('line 6, swarm_profiles.session-1-ndi.budget');
    const missing = await spawn(['a', '--manifest', 'nowhere.yaml'], fabric, { cwd });
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toContain('nowhere.yaml');
    expect(fabric.writes()).toEqual([]);
  });
});

describe('what is wrong is refused before anything is sent, and its flag is named', () => {
  test.each<readonly [words: string, names: string]>([
    ['Session-1 --cost-per-hour 2', 'no swarm id'],
    ['a --capabilities cli:design', '--cost-per-hour is missing'],
    ['a --capabilities cli:design --cost-per-hour -2', '--cost-per-hour is “-2”'],
    ['a --capabilities cli:design --cost-per-hour 2.0000001', '--cost-per-hour is “2.0000001”'],
    ['a --capabilities cli:design --cost-per-hour 2 --budget 1e3', '--budget is “1e3”'],
    ['a --capabilities cli:design --cost-per-hour 2 --reputation 1.5', '--reputation is “1.5”'],
    ['a --capabilities cli:design --cost-per-hour 2 --sessions 1001', '--sessions is “1001”'],
    ['a --capabilities cli:design --cost-per-hour 2 --sessions two', '--sessions is “two”'],
    ['a --capabilities cli:design --cost-per-hour 2 --role suport', 'did you mean “support”?'],
    [`a --capabilities cli:design --cost-per-hour 2 --model ${'m'.repeat(101)}`, '--model'],
    ['a --capabilities cli:design, --cost-per-hour 2', '--capabilities is “cli:design,”'],
    ['a --capabilities cli:desing --cost-per-hour 2', 'Did you mean “cli:design”?'],
    ['a --capabilities zz:qq --cost-per-hour 2', 'ifab capability list'],
    ['a --capabilities cli:design,cli:design --cost-per-hour 2', '--capabilities: entry 1'],
    ['a --repo nowhere --cost-per-hour 2 --accept', 'nowhere'],
  ])('%s', async (words, names) => {
    const fabric = await fabricThat();
    const ran = await spawn(words.split(' '), fabric);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(names);
    expect(fabric.writes()).toEqual([]);
  });

  test('a fabric that is not there is said as such', async () => {
    const ran = await spawn(['a', ...STATED, ...COSTS], {}, { env: { HOME: root } });
    expect(ran.code).toBe(75);
    expect(ran.stderr).toContain('ifab serve');
  });
});

describe('a dry run', () => {
  test('says what would be sent, and sends nothing', async () => {
    const fabric = await fabricThat();
    const words = ['session-1-ndi', ...STATED, ...COSTS, '--sessions', '2', '--dry-run'];
    const ran = await spawn(words, fabric);
    expect(ran.stdout).toContain('dry run: nothing was sent; it would be swarms.register');
    expect(ran.stdout).toContain('sessions.open, 2 times');
    expect(json((await spawn([...words, '--json'], fabric)).stdout)).toEqual({
      dryRun: true,
      profile: PROFILE,
      sessions: 2,
      detected: [],
    });
    expect(fabric.writes()).toEqual([]);
    expect(existsSync(join(ran.dataDir, 'swarms'))).toBe(false);
  });

  test('needs no fabric, asks nobody, and shows what was detected', async () => {
    const cwd = repositoryOf({ 'main.rs': 'use tonic;' });
    const ran = await spawn(['a', ...COSTS, '--dry-run'], {}, { cwd, env: { HOME: root } });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('no fabric was asked');
    expect(ran.stdout).toContain('main.rs: 1 of 1 sources (100 %)');
    expect(ran.stdout).toContain('not proposed: integration:grpc (40 %)');
  });
});
