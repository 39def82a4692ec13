/** The commands of costs against a wire that sums a list of records: every figure is known to the test. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runOne } from '../../test/command.ts';
import type { OneOptions } from '../../test/command.ts';
import { json } from '../../test/io.ts';
import { serveAnswers, STATUS } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';
import { showBudgets } from '../commands/cost-budget.ts';
import { forecastCosts } from '../commands/cost-forecast.ts';
import { showCostHistory } from '../commands/cost-history.ts';
import { reportCosts } from '../commands/cost-report.ts';
import { explainSavings } from '../commands/cost-savings.ts';
import type { CommandRun } from '../tree/command.ts';
import { readFiguresCsv } from './figures-csv.ts';
import { LogSums } from './from-log.ts';
import type { ShownEntry } from './from-log.ts';

const DAY = 86_400_000;
const MONDAY = Date.UTC(2026, 10, 16);

let wire: Wire | undefined;
const folders: string[] = [];
afterEach(async () => {
  await wire?.close();
  wire = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Against the wire of this test. */
const run = (
  command: CommandRun,
  options: Readonly<Record<string, string>> = {},
  more: OneOptions = {},
) => runOne(command, options, { env: wire?.env ?? {}, ...more });

const usage = (more: Readonly<Record<string, unknown>> = {}): ShownEntry['events'][number] => ({
  type: 'usage.recorded',
  basis: 'measured',
  planId: 'shop',
  taskId: 'shop/a',
  sessionId: 'ses_1',
  component: 'gateway',
  model: 'opus',
  microUsd: 1_500_000,
  chargedMicroUsd: 1_500_000,
  overrunMicroUsd: 0,
  inputTokens: 100_000,
  outputTokens: 2_000,
  cachedTokens: 0,
  ...more,
});

const LOG: readonly ShownEntry[] = [
  { index: 3, at: MONDAY + 1, events: [usage()] },
  {
    index: 4,
    at: MONDAY + 2,
    events: [
      { type: 'task.completed' },
      usage({ microUsd: 250, chargedMicroUsd: 250, model: 'haiku' }),
    ],
  },
  {
    index: 5,
    at: MONDAY + DAY,
    events: [
      usage({
        model: 'haiku',
        basis: 'reported',
        swarmId: 'red',
        microUsd: 8,
        chargedMicroUsd: 5,
        overrunMicroUsd: 3,
      }),
    ],
  },
  {
    index: 9,
    at: MONDAY + DAY,
    events: [usage({ planId: 'other', taskId: 'other/a', model: undefined })],
  },
];

type Input = Readonly<Record<string, unknown>>;

/** A fabric that sums its log, two rows a page: the same sums that a follower makes, from the same events. */
const fabric = (log: readonly ShownEntry[] = LOG, more: Answers = {}): Answers => {
  const sums = (by: readonly string[], input: Input) => {
    const made = new LogSums(by, input);
    for (const entry of log) if (entry.index < Number(input['before'] ?? 10)) made.add(entry);
    const { rows, total } = made.sums();
    const sorted = [...rows.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return { rows: sorted.map(([, row]) => row), total };
  };
  const page = <R>(rows: readonly R[], { after }: Input) => {
    const start = Number(after ?? 0);
    return {
      rows: rows.slice(start, start + 2),
      ...(start + 2 < rows.length ? { next: String(start + 2) } : {}),
      indexedTo: 10,
    };
  };
  return {
    'realm.status': () => ({ ...STATUS, size: 10 }),
    'costs.report': (input) => {
      const { rows, total } = sums(input['by'] as readonly string[], input);
      const { group: _group, ...figures } = total;
      return { ...page(rows, input), total: figures };
    },
    'costs.history': (input) => {
      const step = `step:${String(input['bucket'])}`;
      const by = typeof input['by'] === 'string' ? [input['by']] : [];
      const { rows } = sums([step, ...by], input);
      return page(
        rows.map(({ group: { [step]: from, ...group }, ...row }) => ({
          from: Number(from),
          ...(by.length === 0 ? {} : { group }),
          ...row,
        })),
        input,
      );
    },
    'costs.entries': (input) => {
      const entries = log.flatMap((entry) =>
        sumsOf(entry, input) === 0 ? [] : [{ index: entry.index, at: entry.at }],
      );
      return { entries: entries.slice(0, Number(input['limit'])), indexedTo: 10 };
    },
    'witness.query': ({ from, to }) => {
      const [entry, next] = log.filter(({ index }) => index >= Number(from) && index <= Number(to));
      return {
        entries: entry === undefined ? [] : [{ ...entry, args: {} }],
        ...(next === undefined ? {} : { next: next.index }),
        indexedTo: 10,
      };
    },
    'budgets.list': () => ({ accounts: [REALM] }),
    ...more,
  };
};

const sumsOf = (entry: ShownEntry, input: Input): number => {
  const sums = new LogSums([], input);
  if (entry.index < Number(input['before'] ?? 10)) sums.add(entry);
  return sums.sums().total.records;
};

const REALM = {
  account: 'realm',
  limitMicroUsd: 100_000_000,
  inherited: false,
  reservedMicroUsd: 10_000_000,
  spentMicroUsd: 3_000_255,
  overrunMicroUsd: 3,
  availableMicroUsd: 86_999_745,
  alertPercent: 0,
};

const serve = async (answers: Answers = fabric()): Promise<void> => {
  // Whoever connects asks first who is there.
  wire = await serveAnswers({ 'realm.status': () => STATUS, ...answers });
};

describe('cost report', () => {
  test('reads well: dearest first, points below each other, and only columns that say something', async () => {
    await serve();
    const { code, stdout } = await run(reportCosts);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'PLAN   MODEL  COST       OVERRUN    REPORTED   RECORDS  INPUT    OUTPUT',
        'other  —      $1.500000  $0.000000  $0.000000        1  100,000   2,000',
        'shop   opus   $1.500000  $0.000000  $0.000000        1  100,000   2,000',
        'shop   haiku  $0.000258  $0.000003  $0.000008        2  200,000   4,000',
        'TOTAL         $3.000258  $0.000003  $0.000008        4  400,000   8,000',
        '',
      ].join('\n'),
    );
  });

  test('asks for what the flags say, all pages of one log', async () => {
    await serve();
    const { code } = await run(reportCosts, {
      by: 'task,model',
      since: '2026-11-16',
      until: '2026-11-17T00:00:00Z',
      plan: 'shop',
      swarm: '',
      model: 'haiku',
    });
    expect(code).toBe(0);
    const reports = wire?.calls.filter(([operation]) => operation === 'costs.report') ?? [];
    expect(reports[0]?.[1]).toEqual({
      by: ['task', 'model'],
      planId: 'shop',
      swarmId: '',
      model: 'haiku',
      since: MONDAY,
      until: MONDAY + DAY,
      before: 10,
      limit: 1_000,
    });
  });

  test('without costs says so; JSON is the answer itself', async () => {
    await serve(fabric([]));
    expect((await run(reportCosts)).stdout).toBe('No costs among the first 10 entries.\n');
    const { stdout } = await run(reportCosts, {}, { flags: { json: true } });
    expect(json(stdout)).toMatchObject({ rows: [], total: { microUsd: 0 }, indexedTo: 10 });
  });

  test('--why names the entries of the log behind each row', async () => {
    await serve();
    const { stdout } = await run(reportCosts, { by: 'day,model' }, { flags: { why: true } });
    expect(stdout.slice(stdout.indexOf('Behind'))).toBe(
      [
        'Behind it, entries of the log (ifab witness query --from N --to N):',
        '  2026-11-16 opus: 1 in 3',
        '  2026-11-17 —: 1 in 9',
        '  2026-11-16 haiku: 1 in 4',
        '  2026-11-17 haiku: 1 in 5',
        '',
      ].join('\n'),
    );
    const { stdout: text } = await run(reportCosts, { by: 'plan' }, { flags: { why: true } });
    expect(text).toContain('  shop: 3 in 3–5\n');
    const { stdout: value } = await run(
      reportCosts,
      { by: 'plan' },
      { flags: { why: true, json: true } },
    );
    expect(json(value)).toMatchObject({
      why: [
        { row: { plan: 'shop' }, records: 3, entries: [{ index: 3 }, { index: 4 }, { index: 5 }] },
        {},
      ],
    });
  });

  test('more entries behind a row than are listed are counted', async () => {
    await serve(
      fabric(LOG, { 'costs.entries': () => ({ entries: [{ index: 3 }], indexedTo: 10 }) }),
    );
    const { stdout } = await run(reportCosts, { by: 'plan' }, { flags: { why: true } });
    expect(stdout).toContain('  shop: 3 in 3, and 2 more\n');
  });

  test('--csv writes what is read again as the same rows, into a file or onto stdout', async () => {
    await serve();
    const folder = mkdtempSync(join(tmpdir(), 'ifab-costs-'));
    folders.push(folder);
    const shown = await run(
      reportCosts,
      { by: 'plan,model', csv: 'costs.csv' },
      { cwd: folder, flags: { json: true } },
    );
    expect(shown.stderr).toBe(`wrote ${join(folder, 'costs.csv')}\n`);
    const text = readFileSync(join(folder, 'costs.csv'), 'utf8');
    expect(readFiguresCsv(text)).toEqual({
      by: ['plan', 'model'],
      rows: (json(shown.stdout) as { rows: unknown }).rows,
    });
    expect((await run(reportCosts, { by: 'plan,model', csv: '-' })).stdout).toBe(text);
    const refused = await run(reportCosts, { csv: '-' }, { flags: { json: true } });
    expect([refused.code, refused.stdout]).toEqual([2, '']);
  });
});

describe('--mode=falsify', () => {
  const falsify = { flags: { mode: 'falsify' } } as const;

  test('sums the log again, and compares with the realm’s account', async () => {
    await serve();
    const { code, stdout } = await run(reportCosts, { by: 'plan' }, falsify);
    expect(stdout.slice(stdout.indexOf('Tried'))).toBe(
      [
        'Tried to disprove it at 10 entries:',
        'holds    2 rows are the sums of the log (2 groups in 4 entries, 0 differ)',
        'holds    the total is $3.000258 ($3.000258)',
        'holds    the realm’s account was charged $3.000255 (all records: $3.000255)',
        'holds    the realm’s overrun is $0.000003 (all records: $0.000003)',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('a report that is wrong by a micro-dollar is refuted, and so is one that lacks a row', async () => {
    const wrong = fabric(
      LOG.map((entry) =>
        entry.index === 4
          ? { ...entry, events: [usage({ model: 'haiku', microUsd: 251, chargedMicroUsd: 251 })] }
          : entry,
      ),
    );
    await serve(fabric(LOG, { 'costs.report': (input) => wrong['costs.report']?.(input) ?? {} }));
    const off = await run(reportCosts, { by: 'model' }, { flags: { mode: 'falsify', json: true } });
    expect(off.code).toBe(1);
    expect(json(off.stdout)).toMatchObject({
      holds: false,
      attempts: [
        {
          claim: 'model haiku',
          found:
            'microUsd 259, in the log 258; chargedMicroUsd 256, in the log 255; measuredMicroUsd 251, in the log 250',
        },
        { holds: false },
        { claim: 'the total is $3.000259', holds: false },
        { claim: 'the realm’s account was charged $3.000255', holds: false },
        { claim: 'the realm’s overrun is $0.000003', holds: true },
      ],
    });
    await wire?.close();
    await serve({
      ...fabric(),
      'costs.report': (input) => fabric(LOG.slice(1))['costs.report']?.(input) ?? {},
    });
    const lacks = await run(reportCosts, { by: 'model' }, falsify);
    expect(lacks.code).toBe(1);
    expect(lacks.stdout).toContain('REFUTED  model opus (microUsd none, in the log 1500000');
  });

  test('a realm without an account, and one that never stands still', async () => {
    await serve(fabric([], { 'budgets.list': () => ({ accounts: [] }) }));
    const none = await run(reportCosts, {}, falsify);
    expect([none.code, none.stdout]).toEqual([
      1,
      expect.stringContaining(
        'REFUTED  the realm’s account was charged nothing (all records: $0.00)',
      ),
    ]);
    await wire?.close();
    let size = 100;
    const grows: Answers = {
      'realm.status': () => ({ ...STATUS, size: (size += 1) }),
      'costs.entries': () => ({ entries: [], indexedTo: size }),
    };
    await serve(fabric(LOG, grows));
    const moving = await run(reportCosts, {}, falsify);
    expect([moving.code, moving.stderr]).toEqual([
      75,
      expect.stringContaining('did not stand still'),
    ]);
  });

  test('a history is summed again too', async () => {
    await serve();
    const { code, stdout } = await run(showCostHistory, { by: 'model' }, falsify);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(
        'holds    4 rows are the sums of the log (4 groups in 4 entries, 0 differ)',
      ),
    ]);
    await wire?.close();
    await serve({
      ...fabric(),
      'costs.history': (input) => fabric(LOG.slice(0, 3))['costs.history']?.(input) ?? {},
    });
    const lacks = await run(
      showCostHistory,
      { bucket: 'week' },
      { flags: { mode: 'falsify', json: true } },
    );
    expect([lacks.code, json(lacks.stdout)]).toEqual([
      1,
      expect.objectContaining({ holds: false }),
    ]);
  });
});

describe('cost history', () => {
  test('has a bar a step, longer for more', async () => {
    await serve();
    const { stdout } = await run(showCostHistory, { bucket: 'hour', plan: 'shop' });
    expect(stdout).toBe(
      [
        'HOUR              COST       OVERRUN    REPORTED   RECORDS  INPUT    OUTPUT',
        `2026-11-16 00:00  $1.500250  $0.000000  $0.000000        2  200,000   4,000  ${'█'.repeat(24)}`,
        '2026-11-17 00:00  $0.000008  $0.000003  $0.000008        1  100,000   2,000  █',
        '',
      ].join('\n'),
    );
  });

  test('by something else, with --why and --csv', async () => {
    await serve();
    const { stdout } = await run(showCostHistory, { by: 'swarm' }, { flags: { why: true } });
    expect(stdout).toContain('2026-11-17  red');
    expect(stdout).toContain('  2026-11-17T00:00:00.000Z —: 1 in 9\n');
    expect(stdout).toContain('  2026-11-17T00:00:00.000Z red: 1 in 5\n');
    const { stdout: week } = await run(showCostHistory, { bucket: 'week', csv: '-' });
    expect(readFiguresCsv(week)).toMatchObject({
      by: ['from'],
      rows: [{ group: { from: '2026-11-16T00:00:00.000Z' }, records: 4 }],
    });
    const { stdout: none } = await run(showCostHistory, { since: '2027-01-01' });
    expect(none).toBe('No costs among the first 10 entries.\n');
    expect(json((await run(showCostHistory, {}, { flags: { json: true } })).stdout)).toMatchObject({
      rows: [{ from: MONDAY }, {}],
    });
  });
});

describe('cost budget', () => {
  test('shows what is left, warns at 80 % and in red at 100 %', async () => {
    const tripped = {
      ...REALM,
      account: 'plan:shop',
      inherited: true,
      limitMicroUsd: 3_000_000,
      reservedMicroUsd: 0,
      spentMicroUsd: 3_000_000,
      overrunMicroUsd: 0,
      availableMicroUsd: 0,
      alertPercent: 100,
    };
    const near = {
      ...tripped,
      account: 'swarm:red',
      spentMicroUsd: 2_500_000,
      availableMicroUsd: 500_000,
      alertPercent: 80,
    };
    await serve({
      'budgets.list': ({ after, kind }) =>
        after === undefined
          ? { accounts: [REALM, tripped], next: kind ?? 'all' }
          : { accounts: [near] },
    });
    const { stdout } = await run(showBudgets);
    expect(stdout).toBe(
      [
        'ACCOUNT    LIMIT    RESERVED  SPENT      OVERRUN    AVAILABLE   USED   ALERT',
        'realm      $100.00    $10.00  $3.000255  $0.000003  $86.999745    3 %',
        'plan:shop    $3.00     $0.00  $3.000000  $0.000000   $0.000000  100 %  100 %',
        'swarm:red    $3.00     $0.00  $2.500000  $0.000000   $0.500000   83 %  80 %',
        '',
      ].join('\n'),
    );
    const { stdout: painted } = await run(
      showBudgets,
      { kind: 'plan' },
      { flags: { color: true } },
    );
    expect(painted).toContain('\u001b[31m100 %\u001b[39m');
    expect(painted).toContain('\u001b[33m83 %\u001b[39m');
    expect(wire?.calls.at(-1)?.[1]).toEqual({ kind: 'plan', limit: 1_000, after: 'plan' });
    const { stdout: csv } = await run(showBudgets, { csv: '-' });
    expect(csv.split('\r\n')[1]).toBe('realm,100000000,10000000,3000255,3,86999745,0');
    expect(json((await run(showBudgets, {}, { flags: { json: true } })).stdout)).toMatchObject({
      accounts: [REALM, {}, {}],
    });
  });

  test('without accounts', async () => {
    await serve({ 'budgets.list': () => ({ accounts: [] }) });
    expect((await run(showBudgets)).stdout).toBe('No accounts.\n');
  });
});

describe('cost forecast', () => {
  const HOUR = 3_600_000;
  const FORECAST = {
    account: 'plan:shop',
    at: MONDAY,
    windowMs: HOUR,
    measuredMs: HOUR,
    windowMicroUsd: 2_000_000,
    records: 4,
    microUsdPerHour: 2_000_000,
    limitMicroUsd: 10_000_000,
    reservedMicroUsd: 1_000_000,
    spentMicroUsd: 5_000_000,
    overrunMicroUsd: 0,
    availableMicroUsd: 4_000_000,
    indexedTo: 10,
  };

  test('says the rate, what is left, when it is gone, and whether it is enough', async () => {
    const remaining = { expectedMicroUsd: 5_000_000, worstMicroUsd: 9_000_000, unpriced: 2 };
    await serve({
      'costs.forecast': () => ({
        ...FORECAST,
        overrunMicroUsd: 5,
        exhaustedAt: MONDAY + 2 * HOUR,
        remaining,
      }),
    });
    const { stdout } = await run(forecastCosts, { plan: 'shop', window: '1h' });
    expect(stdout).toBe(
      [
        'account        plan:shop',
        'rate           $2.00 an hour ($2.00 of 4 records in 1h)',
        'limit          $10.00',
        'spent          $5.00',
        'reserved       $1.00',
        'overrun        $0.000005',
        'available      $4.00',
        'exhausted      in 2h (2026-11-16T02:00:00.000Z)',
        'still to come  $5.00 expected, $9.00 at worst; 2 tasks say nothing',
        'enough         no: more is expected than is available',
        '',
      ].join('\n'),
    );
    expect(wire?.calls.at(-1)).toEqual(['costs.forecast', { planId: 'shop', windowMs: HOUR }]);
  });

  test('of a swarm that spends nothing', async () => {
    const remaining = { expectedMicroUsd: 0, worstMicroUsd: 0, unpriced: 0 };
    await serve({ 'costs.forecast': () => ({ ...FORECAST, remaining }) });
    const { stdout } = await run(forecastCosts, { swarm: 'red' });
    expect(stdout).toContain(
      'exhausted      not at this rate\nstill to come  $0.00 expected, $0.00 at worst\nenough         yes\n',
    );
    await wire?.close();
    await serve({ 'costs.forecast': () => FORECAST });
    expect((await run(forecastCosts)).stdout).not.toContain('still to come');
  });
});

describe('cost savings', () => {
  test('002 with its arithmetic right: $43.50, split $2.54 and $13.05, together $15.59, 64 % saved', async () => {
    const { code, stdout } = await run(explainSavings);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'tokens       290 h × 50,000 tokens/h = 14,500,000',
        'all strong   14.5 MTok × $3.00 = $43.50',
        'cheap part   70 %: 10.15 MTok × $0.25 = $2.54',
        'strong part  30 %: 4.35 MTok × $3.00 = $13.05',
        'together     $15.59',
        'saved        $27.91 (64 %)',
        '',
        'cost = hours × tokens an hour ÷ 1,000,000 × price of a million tokens',
        'One price stands for input and output. What was really spent: ifab cost report --by model',
        '',
      ].join('\n'),
    );
    const { stdout: exact } = await run(explainSavings, {}, { flags: { json: true } });
    expect(json(exact)).toEqual({
      hours: 290,
      tokensPerHour: 50_000,
      cheapPercent: 70,
      cheapMicroUsdPerMTok: 250_000,
      strongMicroUsdPerMTok: 3_000_000,
      tokens: 14_500_000,
      cheapTokens: 10_150_000,
      strongTokens: 4_350_000,
      allStrongMicroUsd: 43_500_000,
      cheapMicroUsd: 2_537_500,
      strongMicroUsd: 13_050_000,
      splitMicroUsd: 15_587_500,
      savedMicroUsd: 27_912_500,
      savedPercent: 64,
    });
  });

  test('a cheap model that is the dearer one saves nothing; free ones neither', async () => {
    const dear = await run(explainSavings, { 'cheap-price': '4' });
    expect(dear.stdout).toContain('saved        nothing: the split costs $10.15 more\n');
    const free = await run(explainSavings, { 'cheap-price': '0', 'strong-price': '0' });
    expect(free.stdout).toContain('saved        $0.00 (0 %)\n');
  });
});

describe('bad input is refused with what to write instead', () => {
  test.each([
    [reportCosts, { by: 'colour' }, 'costs cannot be summed by “colour”'],
    [reportCosts, { by: 'modle' }, 'Did you mean model?'],
    [reportCosts, { by: 'plan,plan' }, '--by takes one to 3 different words'],
    [reportCosts, { by: 'plan,swarm,task,model' }, '--by takes one to 3 different words'],
    [reportCosts, { since: 'soon' }, '“soon” is no time'],
    [showCostHistory, { bucket: 'year' }, 'there are no steps of a “year”'],
    [showCostHistory, { by: 'day' }, 'Take --bucket day instead.'],
    [showBudgets, { kind: 'purse' }, 'there are no accounts of a “purse”'],
    [forecastCosts, { window: 'long' }, '“long” is no length of time'],
    [explainSavings, { hours: '-1' }, '“-1” is no hours'],
    [explainSavings, { 'cheap-share': '101' }, 'Write a whole number up to 100.'],
    [explainSavings, { 'cheap-price': '1001' }, '“1001” is no price'],
    [explainSavings, { 'strong-price': 'x' }, '“x” is no price'],
    [
      explainSavings,
      { hours: '1000000', 'tokens-per-hour': '1000000000' },
      'that is more than 1,000,000,000,000 tokens',
    ],
  ] as const)('%#', async (command, options, text) => {
    const { code, stdout, stderr } = await run(command, options);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(text);
  });
});
