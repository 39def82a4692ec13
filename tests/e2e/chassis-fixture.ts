/** A fabric on a data folder with a swarm or two, and modules for them: what tests of the sandbox begin with. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wasmOf } from '@infrafabric/testkit';
import { Config } from '../../packages/fabric/src/index.ts';
import { connect } from '../../packages/sdk/src/index.ts';
import type { Client } from '../../packages/sdk/src/index.ts';
import { jsonLog } from '../../packages/cli/src/server/json-log.ts';
import { startFabric } from '../../packages/cli/src/server/start-fabric.ts';
import { RunFixture } from './run-fixture.ts';
import type { Ran } from './run-fixture.ts';

/**
 * The json ABI in text: `run` gives back what it was given, `count` says how often its instance was called, `trap` traps,
 * `spin` never returns.
 */
const MODULE = `(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (global $calls (mut i32) (i32.const 0))
  (func (export "alloc") (param $bytes i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $bytes)))
    (local.get $at))
  (func (export "dealloc") (param i32 i32))
  (func (export "run") (param $at i32) (param $bytes i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
            (i64.extend_i32_u (local.get $bytes))))
  (func (export "count") (param i32 i32) (result i64)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store8 (i32.const 16) (i32.add (global.get $calls) (i32.const 48)))
    (i64.or (i64.shl (i64.const 16) (i64.const 32)) (i64.const 1)))
  (func (export "trap") (param i32 i32) (result i64) unreachable)
  (func (export "spin") (param i32 i32) (result i64) (loop $again (br $again)) (i64.const 0)))`;

export const digestOf = (bytes: string | Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface SwarmWish {
  readonly capabilities?: readonly string[];
  readonly reputationPermille?: number;
}

export class ChassisFixture {
  readonly runs = new RunFixture();
  readonly #closing: (() => Promise<void> | void)[] = [];
  #client: Client | undefined;
  wasm: Uint8Array = new Uint8Array();

  get client(): Client {
    if (this.#client === undefined) throw new Error('the fixture is not open');
    return this.#client;
  }

  get digest(): string {
    return digestOf(this.wasm);
  }

  async open(): Promise<void> {
    this.wasm = await wasmOf(MODULE);
    this.write('module.wasm', this.wasm);
    const fabric = await startFabric({
      config: { ...Config.parse({ listenPort: 0 }), dataDir: this.runs.dataDir },
      log: jsonLog({ write: () => undefined }, 'error'),
      stderr: { write: () => undefined, isTerminal: false },
      onFatal: (fault) => {
        throw fault;
      },
    });
    this.#closing.push(() => fabric.close());
    const client = await connect({ url: fabric.url, token: fabric.operatorToken });
    this.#closing.push(() => client.close());
    this.#client = client;
  }

  /** Closes the fabric; its folder stays. */
  async closeFabric(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close();
  }

  async close(): Promise<void> {
    await this.closeFabric();
    this.runs.remove();
  }

  write(name: string, bytes: string | Uint8Array): string {
    const path = join(this.runs.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  async swarm(
    swarmId: string,
    { capabilities = ['integration:sip'], reputationPermille }: SwarmWish = {},
  ) {
    await this.client.call('swarms.register', {
      profile: {
        swarmId,
        capabilities: [...capabilities],
        costPerHourMicroUsd: 1_000_000,
        ...(reputationPermille === undefined ? {} : { reputationPermille }),
      },
    });
  }

  /** `ifab chassis load` of the fixture's module for a swarm, under a contract with these fields. */
  async load(
    swarmId: string,
    more: object = {},
    module = 'module.wasm',
    abi = 'json',
  ): Promise<Ran> {
    const bytes = readFileSync(join(this.runs.folder, module));
    const contract = {
      contractVersion: 1,
      provider: `${swarmId}-makers`,
      swarmId,
      version: '1.0.0',
      module: { digest: digestOf(bytes), abi, entrypoints: ['run', 'count', 'trap', 'spin'] },
      limits: { cpuMsMax: 300, wallMsMax: 30_000, cpuPercentMax: 100 },
      ...more,
    };
    this.write('contract.json', JSON.stringify(contract));
    return this.runs.ifab(['chassis', 'load', module, '--contract', 'contract.json']);
  }

  blobText(digest = 'sha256:none'): string {
    const hex = digest.slice('sha256:'.length);
    return readFileSync(join(this.runs.dataDir, 'blobs', hex.slice(0, 2), hex.slice(2)), 'utf8');
  }
}
