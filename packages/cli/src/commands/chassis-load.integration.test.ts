/** `ifab chassis load` against a fabric in memory behind its HTTP surface; modules are admitted by real runners. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMemoryRealm,
  memoryBlobs,
  openMemoryFabric,
  silentLog,
  startHttp,
} from '@infrafabric/fabric';
import { digestFrom } from '@infrafabric/protocol';
import type { SwarmId } from '@infrafabric/protocol';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-loaded-'));
const GUEST = 'export function run() { return 1; }';
const DIGEST = digestFrom(createHash('sha256').update(GUEST).digest('hex'));
let client: Client;
let env: Readonly<Record<string, string | undefined>>;
let close: () => Promise<void>;

const ids = new Map<string, SwarmId>();
const register = async (swarmId: string, model?: string): Promise<void> => {
  const profile = {
    swarmId,
    capabilities: ['integration:sip'],
    costPerHourMicroUsd: 0,
    ...(model === undefined ? {} : { model }),
  };
  const registered = await client.call('swarms.register', { profile });
  ids.set(swarmId, registered.swarmId);
};

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
  env = {
    IFAB_URL: http.url,
    IFAB_TOKEN: realm.operatorToken,
    PATH: process.env['PATH'],
    HOME: root,
    NO_COLOR: '1',
  };
  client = await connect({ url: http.url, token: realm.operatorToken, transport: 'http' });
  close = async () => {
    client.close();
    await http.close();
    await fabric.close();
  };
  await register('deep', 'claude-sonnet-5-5');
  await register('quick', 'claude-haiku-5-5');
  await register('unknown');
  writeFileSync(join(root, 'guest.js'), GUEST);
});
afterAll(async () => {
  await close();
  rmSync(root, { recursive: true, force: true });
});

const load = (swarmId: string, limits: object, words: readonly string[] = []) => {
  const contract = {
    contractVersion: 1,
    provider: 'acme',
    swarmId: 'quick',
    version: '1.0.0',
    module: { digest: DIGEST, abi: 'js', entrypoints: ['run'] },
    limits,
  };
  writeFileSync(join(root, 'contract.json'), JSON.stringify(contract));
  const named = ['guest.js', '--contract', 'contract.json', '--swarm', swarmId];
  const flags = ['--json', '--data-dir', join(root, 'data')];
  return run(['chassis', 'load', ...named, ...flags, ...words], { cwd: root, env });
};

const accepted = async (swarmId: string): Promise<number> => {
  const id = ids.get(swarmId);
  if (id === undefined) throw new Error(`there is no swarm ${swarmId}`);
  const { contract } = await client.call('contracts.show', { swarmId: id, module: DIGEST });
  return contract.limits.memoryMibMax;
};

test.each([
  ['deep', 'a large model', 512],
  ['quick', 'a small model', 256],
  ['unknown', 'no model that is known', 256],
])(
  'a contract that names no memory is accepted for %s with that of %s',
  async (swarmId, _, mib) => {
    const ran = await load(swarmId, { cpuMsMax: 500 }, ['--key', `load-${swarmId}-0001`]);
    expect(ran).toMatchObject({ code: 0 });
    expect(json(ran.stdout)).toMatchObject({ swarmId, memoryMibMax: mib, changed: true });
    expect(await accepted(swarmId)).toBe(mib);
  },
);

test('memory that a contract names is its own, whatever the model', async () => {
  expect(await load('deep', { memoryMibMax: 100 })).toMatchObject({ code: 0 });
  expect(await accepted('deep')).toBe(100);
});

test('a dry run asks nobody, and says so', async () => {
  const ran = await load('deep', {}, ['--dry-run']);
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('the default') });
  expect(json(ran.stdout)).toMatchObject({
    dryRun: true,
    contract: { swarmId: 'deep', limits: { memoryMibMax: 256 } },
  });
});

test('a swarm that is not registered is named before anything is admitted or stored', async () => {
  const ran = await load('nobody', {});
  expect(ran.code).toBe(2);
  expect(json(ran.stderr)).toMatchObject({ code: 'swarm.not_found' });
});
