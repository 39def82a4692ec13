/** How swarms, money, breakers, policy and escalations look to people. */
import type { OutputOf } from '@infrafabric/protocol';
import { agoText } from '../commands/duration.ts';
import { countText, percentOf, usdColumn, usdText } from '../costs/money.ts';
import { cell, pairs, table } from './terminal.ts';
import type { Cell, Paint, Terminal } from './terminal.ts';
import type { Views } from './view.ts';

const PAINT: Readonly<Record<string, Paint>> = {
  closed: 'green',
  open: 'red',
  'half-open': 'yellow',
  chosen: 'green',
  qualified: 'cyan',
  refused: 'dim',
  high: 'red',
  warn: 'yellow',
  acknowledged: 'dim',
  permit: 'green',
  deny: 'red',
};

const word = (text: string): Cell => cell(text, PAINT[text]);
const right = (text: string, paint?: Paint): Cell => ({ ...cell(text, paint), right: true });
const shareText = (permille: number): string => `${permille / 10} %`;
const more = (next: string | undefined): string =>
  next === undefined ? '' : `more: --after ${next}\n`;
/** Two places before the point are enough to compare; the rest is in --json. */
const scoreText = (score: number): string =>
  score >= 1_000 ? countText(Math.round(score)) : score.toPrecision(3);

export const GOVERNOR_VIEWS: Views = {
  'match.explain': ({ taskId, needs, minMatchPermille, chosen, candidates, next }, terminal) => {
    const head = pairs(terminal, [
      ['task', taskId, 'bold'],
      ['needs', needs.length === 0 ? 'nothing in particular' : needs.join(', ')],
      ['asked for', `${shareText(minMatchPermille)} of the needs at least`],
      ['chosen', chosen ?? 'nobody', chosen === undefined ? 'red' : 'green'],
    ]);
    if (candidates.length === 0)
      return `${head}\nNo swarm is registered. Register one: ifab swarm spawn ID\n`;
    const expected = usdColumn(candidates.map((one) => one.expectedMicroUsd));
    const available = usdColumn(candidates.map((one) => one.availableMicroUsd));
    const rows = candidates.map((one, at) => [
      cell(one.swarmId),
      word(one.verdict),
      right(shareText(one.matchPermille)),
      right(shareText(one.reputationPermille)),
      right(expected[at] ?? ''),
      right(scoreText(one.score)),
      right(available[at] ?? ''),
      cell(one.openSessions),
      cell(one.reason),
    ]);
    const heads = ['SWARM', 'VERDICT', 'MATCH', 'REPUTE', 'COST', 'SCORE', 'LEFT', 'OPEN', 'WHY'];
    return `${head}\n${table(terminal, heads, rows)}${more(next)}`;
  },
  'swarms.list': ({ swarms, next }, terminal) => {
    if (swarms.length === 0) return 'No swarms. Register one: ifab swarm spawn ID\n';
    const spent = usdColumn(swarms.map((one) => one.spentMicroUsd + one.overrunMicroUsd));
    const left = usdColumn(swarms.map((one) => one.availableMicroUsd));
    const price = usdColumn(swarms.map((one) => one.costPerHourMicroUsd));
    const rows = swarms.map((one, at) => [
      cell(one.swarmId),
      word(one.breaker),
      cell(one.sessions),
      right(price[at] ?? ''),
      right(shareText(one.reputationPermille ?? 1_000)),
      right(spent[at] ?? ''),
      right(left[at] ?? ''),
      cell(one.capabilities.join(', ')),
    ]);
    const heads = ['SWARM', 'BREAKER', 'OPEN', 'AN HOUR', 'REPUTE', 'SPENT', 'LEFT', 'CAN'];
    return table(terminal, heads, rows) + more(next);
  },
  'swarms.show': (swarm, terminal, nowMs) =>
    pairs(terminal, [
      ['swarm', swarm.swarmId, 'bold'],
      ['breaker', swarm.breaker, PAINT[swarm.breaker]],
      ['stopped for', swarm.breakerReason],
      ['can', swarm.capabilities.join(', ')],
      ['an hour', usdText(swarm.costPerHourMicroUsd)],
      ['reputation', shareText(swarm.reputationPermille ?? 1_000)],
      ['model', swarm.model],
      ['role', swarm.role],
      ['relations', swarm.relations?.map((one) => `${one.kind} ${one.with}`).join(', ')],
      ['limit', usdText(swarm.limitMicroUsd)],
      ['spent', usdText(swarm.spentMicroUsd)],
      ['reserved', usdText(swarm.reservedMicroUsd)],
      ['overrun', swarm.overrunMicroUsd > 0 ? usdText(swarm.overrunMicroUsd) : undefined, 'red'],
      ['left', usdText(swarm.availableMicroUsd)],
      ['failures in a row', swarm.failures],
      ['without progress', usdText(swarm.spentSinceProgressMicroUsd)],
      ['sessions', swarm.sessionIds.join(', ')],
      ['registered', agoText(swarm.registeredAt, nowMs)],
    ] as const),
  'swarms.register': ({ swarmId, changed, limitMicroUsd }) =>
    changed
      ? `swarm ${swarmId} is registered; it may spend ${usdText(limitMicroUsd)}\n`
      : `swarm ${swarmId} was registered like this already; nothing changed\n`,
  'capabilities.list': ({ capabilities, next }, terminal) =>
    table(
      terminal,
      ['CAPABILITY', 'SWARMS', 'FROM', 'DESCRIPTION'],
      capabilities.map((one) => [
        cell(one.id),
        cell(one.swarms),
        cell(one.builtIn ? 'built in' : 'this realm'),
        cell(one.description),
      ]),
    ) + more(next),
  'budgets.set': (account) =>
    `${account.account} may spend ${usdText(account.limitMicroUsd)}; ${usdText(account.availableMicroUsd)} are left\n`,
  'budgets.list': ({ accounts, next }, terminal) => accountsText(accounts, terminal) + more(next),
  'plans.preview': (preview, terminal) =>
    `${pairs(terminal, [
      ['plan', preview.planId, 'bold'],
      ['tasks', preview.tasks],
      ['expected', usdText(preview.expectedMicroUsd)],
      [
        'at worst',
        usdText(preview.worstMicroUsd),
        preview.needsConfirmation ? 'yellow' : undefined,
      ],
      ['without a price', preview.unpriced],
      [
        'confirmation',
        preview.needsConfirmation
          ? `wanted: more than ${usdText(preview.confirmAboveMicroUsd)} (--confirm ${preview.worstMicroUsd / 1_000_000})`
          : `not wanted up to ${usdText(preview.confirmAboveMicroUsd)}`,
      ],
    ] as const)}${phasesText(preview.phases, terminal)}`,
  'breakers.list': ({ breakers, next }, terminal, nowMs) =>
    breakers.length === 0
      ? 'No breakers: no swarm is registered.\n'
      : table(
          terminal,
          ['SWARM', 'BREAKER', 'SINCE', 'BY', 'FAILURES', 'NO PROGRESS', 'REASON'],
          breakers.map((one) => [
            cell(one.swarmId),
            word(one.state),
            cell(one.since === undefined ? '' : agoText(one.since, nowMs)),
            cell(one.by ?? ''),
            cell(one.failures),
            right(usdText(one.spentSinceProgressMicroUsd)),
            cell(one.reason ?? ''),
          ]),
        ) + more(next),
  'breakers.trip': ({ swarmId, released }) =>
    `swarm ${swarmId} is stopped${released.length === 0 ? '; its running work goes on to its end' : `; ${released.length} leases ended: ${released.join(', ')}`}\nLet it try again: ifab breaker reset ${swarmId} --reason TEXT\n`,
  'breakers.reset': ({ swarmId, limitMicroUsd }) =>
    `swarm ${swarmId} is tried with one lease at a time, and may spend ${usdText(limitMicroUsd)}; a success lets it go on\n`,
  'escalations.list': ({ escalations, next }, terminal, nowMs) =>
    escalations.length === 0
      ? 'Nothing waits for a person.\n'
      : table(
          terminal,
          ['ESCALATION', 'SEVERITY', 'STATUS', 'KIND', 'RAISED', 'WHAT'],
          escalations.map((one) => [
            cell(one.escalationId),
            word(one.severity),
            cell(one.status, PAINT[one.status] ?? 'yellow'),
            cell(one.kind),
            cell(agoText(one.raisedAt, nowMs)),
            cell(one.summary),
          ]),
        ) + more(next),
  'escalations.acknowledge': ({ escalationId }) => `${escalationId} is acknowledged\n`,
  'usage.record': ({ taskId, microUsd, overrunMicroUsd, leftMicroUsd }) =>
    `${usdText(microUsd)} are charged to ${taskId}; ${usdText(leftMicroUsd)} are left${overrunMicroUsd > 0 ? `; ${usdText(overrunMicroUsd)} of it nobody covers` : ''}\n`,
  'prices.list': ({ prices, next, catalogue }, terminal) => {
    const columns = [
      usdColumn(prices.map((one) => one.inputMicroUsdPerMTok)),
      usdColumn(prices.map((one) => one.outputMicroUsdPerMTok)),
      usdColumn(prices.map((one) => one.cachedMicroUsdPerMTok)),
    ];
    const rows = prices.map((one, at) => [
      cell(one.model),
      cell(one.own ? 'this realm' : one.provider),
      ...columns.map((column) => right(column[at] ?? '')),
      cell(one.effectiveFrom),
      cell(one.source),
    ]);
    const heads = ['MODEL', 'FROM', 'INPUT', 'OUTPUT', 'CACHED', 'SINCE', 'SOURCE'];
    return `Dollars a million tokens; catalogue ${catalogue}\n${table(terminal, heads, rows)}${more(next)}`;
  },
  'prices.route': ({ tier, needs, routes, unable }, terminal) => {
    const cost = usdColumn(routes.map((one) => one.microUsd));
    const rows = routes.map((one, at) => [
      cell(one.model, at === 0 ? 'green' : undefined),
      cell(one.provider),
      right(cost[at] ?? ''),
    ]);
    const head = pairs(terminal, [
      ['tier', tier],
      ['needs', needs.length === 0 ? undefined : needs.join(', ')],
      ['not able', unable.map((one) => `${one.model} (${one.reason})`).join('; ')],
    ]);
    return routes.length === 0
      ? `${head}No model is able.\n`
      : `${head}${table(terminal, ['MODEL', 'PROVIDER', 'EXPECTED'], rows)}`;
  },
};

type Accounts = OutputOf<'budgets.list'>['accounts'];

/** Accounts as a table: what is left, and what of the limit is used. */
const accountsText = (accounts: Accounts, terminal: Terminal): string => {
  const columns = [
    usdColumn(accounts.map((one) => one.limitMicroUsd)),
    usdColumn(accounts.map((one) => one.reservedMicroUsd)),
    usdColumn(accounts.map((one) => one.spentMicroUsd)),
    usdColumn(accounts.map((one) => one.overrunMicroUsd)),
    usdColumn(accounts.map((one) => one.availableMicroUsd)),
  ];
  const rows = accounts.map((one, at) => [
    cell(one.account),
    ...columns.map((column) => right(column[at] ?? '')),
    right(
      `${percentOf(one.spentMicroUsd + one.overrunMicroUsd, one.limitMicroUsd)} %`,
      alertPaint(one),
    ),
    cell(one.inherited ? `limit of ${one.parent ?? 'the realm'}` : ''),
  ]);
  return table(
    terminal,
    ['ACCOUNT', 'LIMIT', 'RESERVED', 'SPENT', 'OVERRUN', 'LEFT', 'USED', ''],
    rows,
  );
};

const alertPaint = ({ alertPercent }: Accounts[number]): Paint | undefined =>
  alertPercent >= 100 ? 'red' : alertPercent >= 50 ? 'yellow' : undefined;

const phasesText = (phases: OutputOf<'plans.preview'>['phases'], terminal: Terminal): string => {
  if (phases.length < 2) return '';
  const worst = usdColumn(phases.map((one) => one.worstMicroUsd));
  const rows = phases.map((one, at) => [
    cell(one.phase ?? '—'),
    cell(one.tasks),
    right(worst[at] ?? ''),
  ]);
  return `\n${table(terminal, ['PHASE', 'TASKS', 'AT WORST'], rows)}`;
};
