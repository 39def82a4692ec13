/** The commands of costs against a fabric of their own: a folder, its ledger, its followers' thread, HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { Config, silentLog } from '@infrafabric/fabric';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runOne } from '../../test/command.ts';
import { json } from '../../test/io.ts';
import { showBudgets } from '../commands/cost-budget.ts';
import { forecastCosts } from '../commands/cost-forecast.ts';
import { showCostHistory } from '../commands/cost-history.ts';
import { reportCosts } from '../commands/cost-report.ts';
import { startFabric } from '../server/start-fabric.ts';
import type { RunningFabric } from '../server/start-fabric.ts';

let root: string;
let fabric: RunningFabric;
let client: Client;
let env: Readonly<Record<string, string>>;

/** A cost of each sort under one lease: priced, given, more than the plan has. */
const COSTS = [
  { model: 'claude-haiku-5-5', inputTokens: 50_000, outputTokens: 2_000, cachedTokens: 10_000 },
  { model: 'gpt-5.5', inputTokens: 20_000, outputTokens: 1_000 },
  { microUsd: 250_000, component: 'tool' },
  { microUsd: 900_000 },
];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ifab-costs-'));
  const config = Config.parse({ dataDir: join(root, 'data'), listenPort: 0 });
  fabric = await startFabric({
    config: { ...config, dataDir: join(root, 'data') },
    log: silentLog,
    stderr: { write: () => undefined, isTerminal: false },
    onFatal: (fault) => {
      throw fault;
    },
  });
  env = { IFAB_URL: fabric.url, IFAB_TOKEN: fabric.operatorToken, HOME: root };
  client = await connect({ url: fabric.url, token: fabric.operatorToken, transport: 'http' });
  const plan = {
    id: 'shop',
    budget: { limitMicroUsd: 1_000_000 },
    tasks: [
      { key: 'a', title: 'A', budget: { limitMicroUsd: 900_000 } },
      { key: 'b', title: 'B', budget: { estimateMicroUsd: 40_000 } },
    ],
  };
  await client.call('plans.submit', { plan });
  const { sessionId } = await client.call('sessions.open', { agent: 'ada', swarm: 'red' });
  const { fencingToken } = await client.call('tasks.claim', { taskId: 'shop/a', sessionId });
  for (const cost of COSTS) {
    await client.call('usage.record', { taskId: 'shop/a', fencingToken, ...cost });
  }
});
afterAll(async () => {
  client.close();
  await fabric.close();
  rmSync(root, { recursive: true, force: true });
});

test('a report is of what was recorded, and cannot be disproved by the log or the ledger', async () => {
  const found = await runOne(reportCosts, { by: 'model' }, { env, flags: { json: true } });
  expect(found.stderr).toBe('');
  // 50,000 × $0.10 + 2,000 × $0.50 + 10,000 × $0.01 a million, and 20,000 × $5 + 1,000 × $30.
  expect(json(found.stdout)).toMatchObject({
    rows: [
      { group: { model: '' }, microUsd: 1_150_000, records: 2 },
      { group: { model: 'gpt-5.5' }, microUsd: 130_000 },
      { group: { model: 'claude-haiku-5-5' }, microUsd: 6_100, cachedTokens: 10_000 },
    ],
    total: { microUsd: 1_286_100, records: 4 },
  });
  const falsified = await runOne(
    reportCosts,
    { by: 'plan,swarm,component' },
    { env, flags: { mode: 'falsify' } },
  );
  expect(falsified.stdout).not.toContain('REFUTED');
  expect(falsified.stdout).toContain('the realm’s account was charged');
  expect(falsified.code).toBe(0);
  const history = await runOne(
    showCostHistory,
    { by: 'task' },
    { env, flags: { mode: 'falsify' } },
  );
  expect([history.code, history.stdout]).toEqual([0, expect.not.stringContaining('REFUTED')]);
});

test('--why leads to entries of the log that hold the costs', async () => {
  const { stdout } = await runOne(
    reportCosts,
    { by: 'task' },
    { env, flags: { why: true, json: true } },
  );
  const { why } = json(stdout) as { why: { entries: { index: number; microUsd: number }[] }[] };
  const entries = why[0]?.entries ?? [];
  expect(entries.length).toBe(COSTS.length);
  for (const { index, microUsd } of entries) {
    const page = await client.call('witness.query', { from: index, to: index });
    expect(page.entries[0]?.events).toContainEqual(
      expect.objectContaining({ type: 'usage.recorded', microUsd }),
    );
  }
});

test('budgets and forecasts are of the same money', async () => {
  const budgets = await runOne(showBudgets, {}, { env, flags: { json: true } });
  const { accounts } = json(budgets.stdout) as {
    accounts: { account: string; spentMicroUsd: number; overrunMicroUsd: number }[];
  };
  for (const account of ['realm', 'plan:shop', 'swarm:red', 'task:shop/a']) {
    const found = accounts.find((one) => one.account === account);
    expect([account, (found?.spentMicroUsd ?? 0) + (found?.overrunMicroUsd ?? 0)]).toEqual([
      account,
      1_286_100,
    ]);
  }
  const forecast = await runOne(forecastCosts, { plan: 'shop' }, { env, flags: { json: true } });
  expect(json(forecast.stdout)).toMatchObject({
    account: 'plan:shop',
    windowMicroUsd: 1_286_100,
    records: 4,
    limitMicroUsd: 1_000_000,
    remaining: { unpriced: expect.any(Number) },
  });
  const none = await runOne(forecastCosts, { plan: 'none' }, { env });
  expect([none.code, none.stdout]).toEqual([2, '']);
  expect(none.stderr).toContain('budget.not_found');
});
