/** Plans that may cost more than is taken unasked: what is asked, of whom, and what is sent then. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import type { RunOptions } from '../../test/io.ts';
import { problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Wire } from '../../test/wire.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-confirmed-'));
afterAll(() => rmSync(root, { recursive: true }));
const planPath = join(root, 'dear.json');
writeFileSync(planPath, JSON.stringify({ id: 'dear', tasks: [{ key: 'a', title: 'a' }] }));

const WORST_MICRO_USD = 60_000_000;
const QUESTION = 'The plan may cost $60.00. Take it? [y/N] ';

let wire: Wire | undefined;
afterEach(() => wire?.close());

/** A fabric that takes the plan with a confirmation of sixty dollars. */
const submit = async (words: readonly string[], options: RunOptions = {}) => {
  wire = await serveAnswers({
    'realm.status': () => STATUS,
    'plans.submit': ({ confirmMicroUsd }) =>
      Number(confirmMicroUsd ?? 0) >= WORST_MICRO_USD
        ? { planId: 'dear', tasks: 1, ready: 1, changed: true }
        : problem('budget.unconfirmed', 'fix-request', 402, {
            facts: { planId: 'dear', worstMicroUsd: WORST_MICRO_USD },
            detail: 'It may cost $60.00. Confirm it: --confirm 60.',
          }),
  });
  const ran = await run(['plan', ...words], { cwd: root, ...options, env: wire.env });
  const sent = wire.calls
    .filter(([operation]) => operation === 'plans.submit')
    .map(([, input]) => (input as { confirmMicroUsd?: number }).confirmMicroUsd);
  return { ...ran, sent };
};

describe.each(['submit', 'import'])('plan %s', (verb) => {
  test('without a terminal is refused, and the refusal names the flag', async () => {
    const { code, stderr, sent } = await submit([verb, planPath]);
    expect(sent).toEqual([undefined]);
    expect(code).toBe(2);
    expect(stderr).toContain('budget.unconfirmed');
    expect(stderr).toContain('--confirm 60');
  });

  test('with --confirm is sent once, with the amount', async () => {
    for (const amount of ['60', '$60.00', '60.000000']) {
      const { code, sent } = await submit([verb, planPath, '--confirm', amount]);
      expect({ code, sent }).toEqual({ code: 0, sent: [WORST_MICRO_USD] });
      await wire?.close();
    }
  });

  test('with --confirm of less is refused, and no more is said than was', async () => {
    const { code, stderr, sent } = await submit([verb, planPath, '--confirm', '59.999999']);
    expect({ code, sent }).toEqual({ code: 2, sent: [59_999_999] });
    expect(stderr).toContain('budget.unconfirmed');
  });

  test.each(['-1', '1e3', '1,000', 'sixty', '', '0.0000001', '9999999999'])(
    'with --confirm %j is a slip of the pen, and nothing is sent',
    async (amount) => {
      const { code, stderr, sent } = await submit([verb, planPath, `--confirm=${amount}`]);
      expect({ code, sent }).toEqual({ code: 2, sent: [] });
      expect(stderr).toMatch(/cli\.usage/u);
      expect(stderr).toContain('--confirm');
    },
  );

  test('with --yes is taken at what it may cost', async () => {
    const { code, sent, stderr } = await submit([verb, planPath, '--yes']);
    expect({ code, sent }).toEqual({ code: 0, sent: [undefined, WORST_MICRO_USD] });
    expect(stderr).not.toContain('Take it?');
  });

  test.each([
    ['y', 0, [undefined, WORST_MICRO_USD]],
    [' YES ', 0, [undefined, WORST_MICRO_USD]],
    ['n', 2, [undefined]],
    ['', 2, [undefined]],
    ['yesterday', 2, [undefined]],
  ] as const)('at a terminal asks, and %j is an answer', async (answer, code, sent) => {
    const ran = await submit([verb, planPath], { terminal: true, answers: [answer] });
    expect(ran.stderr).toContain(QUESTION);
    expect({ code: ran.code, sent: ran.sent }).toEqual({ code, sent });
  });

  test('at a terminal with --no-input asks nobody', async () => {
    const ran = await submit([verb, planPath, '--no-input'], { terminal: true, answers: ['y'] });
    expect(ran.stderr).not.toContain(QUESTION);
    expect({ code: ran.code, sent: ran.sent }).toEqual({ code: 2, sent: [undefined] });
  });
});

test('a refusal for another reason asks nobody anything', async () => {
  wire = await serveAnswers({
    'realm.status': () => STATUS,
    'plans.submit': () => problem('budget.too_wide', 'fix-request', 409),
  });
  const ran = await run(['plan', 'submit', planPath, '--yes'], { env: wire.env, cwd: root });
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain('budget.too_wide');
  expect(wire.calls.filter(([operation]) => operation === 'plans.submit')).toHaveLength(1);
});

describe('money as a field', () => {
  const answers = {
    'realm.status': () => STATUS,
    'budgets.set': (input: object) => ({
      inherited: false,
      reservedMicroUsd: 0,
      spentMicroUsd: 0,
      overrunMicroUsd: 0,
      availableMicroUsd: 1,
      alertPercent: 0,
      ...input,
    }),
    'breakers.reset': () => ({ swarmId: 'red', state: 'half-open', limitMicroUsd: 1 }),
    'usage.record': () => ({ taskId: 'p/a', microUsd: 1, overrunMicroUsd: 0, leftMicroUsd: 1 }),
    'prices.set': () => ({ model: 'm', changed: true }),
  };
  const call = async (...words: readonly string[]) => {
    wire = await serveAnswers(answers);
    return { ...(await run([...words, '--json'], { env: wire.env })), calls: wire.calls };
  };

  test.each([
    [['budget', 'set', 'realm', '40'], { account: 'realm', limitMicroUsd: 40_000_000 }],
    [['budget', 'set', 'realm', '0'], { account: 'realm', limitMicroUsd: 0 }],
    [['budget', 'set', 'realm', '$0.000001'], { account: 'realm', limitMicroUsd: 1 }],
    [
      ['breaker', 'reset', 'red', '--reason', 'x', '--limit', '50.5'],
      { swarmId: 'red', reason: 'x', limitMicroUsd: 50_500_000 },
    ],
    [
      ['usage', 'record', 'p/a', '--fencing-token', 't', '--usd', '1.25'],
      { taskId: 'p/a', fencingToken: 't', microUsd: 1_250_000 },
    ],
    [
      ['price', 'set', 'm', '--input', '3', '--output', '15', '--cached', '0.3', '--source', 's'],
      {
        model: 'm',
        inputMicroUsdPerMTok: 3_000_000,
        outputMicroUsdPerMTok: 15_000_000,
        cachedMicroUsdPerMTok: 300_000,
        source: 's',
      },
    ],
  ])('%j is sent in micro-dollars', async (words, input) => {
    const { code, calls, stderr } = await call(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(calls.at(-1)?.[1]).toEqual(input);
  });

  test.each([
    ['LIMIT', ['budget', 'set', 'realm', 'forty']],
    ['LIMIT', ['budget', 'set', 'realm', '1.0000001']],
    ['LIMIT', ['budget', 'set', 'realm', '40 EUR']],
    ['LIMIT', ['budget', 'set', 'realm', '99999999999']],
    ['--limit', ['breaker', 'reset', 'red', '--reason', 'x', '--limit=-5']],
    ['--usd', ['usage', 'record', 'p/a', '--fencing-token', 't', '--usd', '1e2']],
    ['--input', ['price', 'set', 'm', '--input', 'free', '--output', '1', '--source', 's']],
  ])('a wrong amount is told by the name of its place: %s', async (place, words) => {
    const { code, calls, stderr } = await call(...words);
    expect({ code, sent: calls.length }).toEqual({ code: 2, sent: 0 });
    expect(json(stderr)).toMatchObject({
      code: 'cli.usage',
      detail: `${place} is an amount in dollars: 40, 0.25, 1.5`,
    });
  });
});
