/** `ifab swarm spawn` against a fabric in memory behind its HTTP surface: what it registers is what the fabric has. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMemoryRealm,
  memoryBlobs,
  openMemoryFabric,
  silentLog,
  startHttp,
} from '@infrafabric/fabric';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json } from '../../test/io.ts';
import { spawnSwarm } from '../../test/spawn.ts';
import type { SpawnOptions } from '../../test/spawn.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-spawned-'));
const dataDir = join(root, 'data');
let client: Client;
let env: Readonly<Record<string, string>>;
let close: () => Promise<void>;

beforeAll(async () => {
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm);
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  const http = await startHttp({
    fabric,
    witness: { checkpoint: none, tile: none },
    blobs: memoryBlobs(),
    log: silentLog,
    port: 0,
  });
  env = { IFAB_URL: http.url, IFAB_TOKEN: realm.operatorToken };
  client = await connect({ url: http.url, token: realm.operatorToken, transport: 'http' });
  close = async () => {
    client.close();
    await http.close();
    await fabric.close();
  };
});
afterAll(async () => {
  await close();
  rmSync(root, { recursive: true, force: true });
});

const spawn = (words: string, options: SpawnOptions = {}) =>
  spawnSwarm(words.split(' '), root, { dataDir, ...options, env });
const tokensOf = (swarmId: string) =>
  JSON.parse(readFileSync(join(dataDir, 'swarms', `${swarmId}.tokens.json`), 'utf8')) as {
    readonly sessions: readonly {
      readonly agent: string;
      readonly sessionId: string;
      readonly token: string;
    }[];
  };

const NDI =
  'session-1-ndi --capabilities integration:ndi,docs:technical-writing --cost-per-hour 2.00 --budget 10.00 --reputation 0.95 --model haiku --sessions 2';

test('a swarm is registered with its budget, and its sessions work with their tokens', async () => {
  const ran = await spawn(NDI);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain('limit $10.00');
  expect(await client.call('swarms.show', { swarmId: 'session-1-ndi' })).toMatchObject({
    capabilities: ['integration:ndi', 'docs:technical-writing'],
    costPerHourMicroUsd: 2_000_000,
    reputationPermille: 950,
    model: 'haiku',
    limitMicroUsd: 10_000_000,
    availableMicroUsd: 10_000_000,
    breaker: 'closed',
    sessions: 2,
  });
  const { sessions } = tokensOf('session-1-ndi');
  expect(sessions.map(({ agent }) => agent)).toEqual(['session-1-ndi-1', 'session-1-ndi-2']);
  for (const { sessionId, token } of sessions) {
    const agent = await connect({ url: env['IFAB_URL'] ?? '', token, transport: 'http' });
    try {
      expect(await agent.call('sessions.heartbeat', { sessionId })).toMatchObject({ sessionId });
      await expect(agent.call('swarms.register', { profile: PROFILE })).rejects.toThrow(
        /auth\.forbidden/,
      );
    } finally {
      agent.close();
    }
  }
});

const PROFILE = { swarmId: 'other', capabilities: ['cli:design'], costPerHourMicroUsd: 0 };

test('the same words again leave the log as long as it was', async () => {
  const { size } = await client.call('realm.status', {});
  const ran = await spawn(NDI);
  expect(ran.stdout).toMatch(/its 2 sessions are open; nothing changed\n$/);
  expect((await client.call('realm.status', {})).size).toBe(size);
});

test('a session that ended is opened anew, and no other', async () => {
  const [first, second] = tokensOf('session-1-ndi').sessions;
  await client.call('sessions.close', { sessionId: first?.sessionId ?? '' });
  const ran = await spawn(`${NDI} --json`);
  expect(json(ran.stdout)).toMatchObject({
    changed: true,
    sessions: [
      { agent: 'session-1-ndi-1', opened: true },
      { agent: 'session-1-ndi-2', opened: false, sessionId: second?.sessionId },
    ],
  });
});

test('one key opens each session once, however often it is said', async () => {
  const words = 'keyed --capabilities cli:design --cost-per-hour 1 --sessions 2 --key spawn-key';
  expect((await spawn(words)).code).toBe(0);
  const before = tokensOf('keyed').sessions;
  rmSync(join(dataDir, 'swarms', 'keyed.tokens.json'));
  // The key brings back the first answer of the registration, and the sessions are found open.
  const again = await spawn(words);
  expect(again.stdout).toBe('swarm keyed: 1 capability, $1.00 an hour, limit $100.00\n');
  expect(again.stderr).toContain('ifab session revoke');
  const { sessions } = await client.call('sessions.list', { status: 'open' });
  const open = sessions.filter(({ swarm }) => swarm === 'keyed').map(({ sessionId }) => sessionId);
  expect(open.toSorted()).toEqual(before.map(({ sessionId }) => sessionId).toSorted());
});

test('a capability that the realm defines becomes one that a swarm can have', async () => {
  const words = 'studio --capabilities studio:lighting --cost-per-hour 1 --sessions 0';
  expect((await spawn(words)).stderr).toContain('“studio:lighting”');
  await client.call('capabilities.define', { id: 'studio:lighting', description: 'Lights sets.' });
  expect((await spawn(words)).code).toBe(0);
});

test('a budget above the realm’s is the fabric’s to refuse, and no session is opened', async () => {
  const ran = await spawn(
    'rich --capabilities cli:design --cost-per-hour 1 --budget 999999 --json',
  );
  expect(ran.code).not.toBe(0);
  expect(json(ran.stderr)).toMatchObject({ code: 'budget.too_wide' });
  const { sessions } = await client.call('sessions.list', { status: 'open' });
  expect(sessions.some(({ swarm }) => swarm === 'rich')).toBe(false);
});

test('what was detected and accepted in a repository is what matching knows', async () => {
  const repo = mkdtempSync(join(root, 'repo-'));
  writeFileSync(join(repo, 'requirements.txt'), 'aiosip\n');
  writeFileSync(join(repo, 'call.py'), 'import aiosip\n');
  const ran = await spawn(`session-4-sip --repo ${repo} --cost-per-hour 2.00 --accept`);
  expect(ran.code).toBe(0);
  const plan = {
    id: 'calls',
    tasks: [{ key: 'trunk', title: 'Trunk', needs: ['integration:sip', 'code-analysis:python'] }],
  };
  await client.call('plans.submit', { plan });
  expect(await client.call('match.explain', { taskId: 'calls/trunk' })).toMatchObject({
    chosen: 'session-4-sip',
  });
});
