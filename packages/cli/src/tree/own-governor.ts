/** Commands of swarms, policies and costs that do more than call their operation. */
import { rowOf } from '../registry/rows.ts';
import { argument, FILES, live, option, words } from './specs.ts';
import type { CommandSpec, OptionSpec } from './command.ts';

const SWARMS: readonly CommandSpec[] = [
  {
    path: ['swarm', 'spawn'],
    summary:
      'Register a swarm with its capabilities, price and budget, and open its sessions; what a repository shows is proposed.',
    args: [argument('ID', 'name of the swarm')],
    options: [
      option('--repo', 'dir', 'detect capabilities in this folder; default: the one here', {
        completion: FILES,
      }),
      option('--manifest', 'file', 'read its profile from this manifest', { completion: FILES }),
      option('--capabilities', 'a,b', 'what it can do: integration:sip,code-analysis:python', {
        many: true,
      }),
      option('--cost-per-hour', 'usd', 'price of an hour of its work, in dollars'),
      option('--budget', 'usd', 'all that it may spend, in dollars'),
      option('--reputation', 'share', '0 to 1; default 1'),
      option('--model', 'model', 'model that it works with'),
      option(
        '--role',
        'role',
        'worker, coordinator or support',
        words('worker', 'coordinator', 'support'),
      ),
      option('--sessions', 'count', 'sessions to open; default 1'),
      option('--accept', undefined, 'take what was detected without a question'),
      option('--tokens-file', 'file', 'where the sessions’ tokens are written', {
        completion: FILES,
      }),
      option('--show-tokens', undefined, 'with --json: print the tokens too'),
    ],
    example:
      'swarm spawn session-4-sip --capabilities integration:sip --cost-per-hour 2 --budget 40',
    mutates: true,
    load: async () => (await import('../commands/swarm-spawn.ts')).swarmSpawn,
  },
];

const POLICIES: readonly CommandSpec[] = [
  {
    path: ['policy', 'check'],
    summary: 'Check a policy: its conditions, and its rules by their own tests. Needs no server.',
    args: [argument('FILE', 'a policy in YAML; - reads standard input', { completion: FILES })],
    options: [
      option('--mutate', undefined, 'change the rules one by one and see that their tests notice'),
    ],
    example: 'policy check examples/policies/strict.yaml --mutate',
    load: async () => (await import('../commands/policy-check.ts')).checkPolicyFile,
  },
  {
    path: ['policy', 'diff'],
    summary: 'What a policy would change: figures, rules, and the acts that are judged otherwise.',
    args: [
      argument('OLD', 'a policy; alone: what is compared with the one in force', {
        completion: FILES,
      }),
      argument('NEW', 'the other policy', { required: false, completion: FILES }),
    ],
    options: [],
    example: 'policy diff examples/policies/strict.yaml',
    load: async () => (await import('../commands/policy-diff.ts')).diffPolicyFiles,
  },
  {
    path: ['policy', 'explain'],
    summary: rowOf('policies.explain').summary,
    args: [
      argument(
        'ACTION',
        'task.claim, help.lease, plan.submit, swarm.register, budget.set or breaker.reset',
      ),
    ],
    options: [
      option('--facts', 'json', 'what the conditions look at; JSON, or a file', {
        completion: FILES,
      }),
      option('--policy', 'file', 'ask this policy instead of the one in force', {
        completion: FILES,
      }),
    ],
    example: `policy explain task.claim --facts '{"task":{"labels":["prod"]}}'`,
    operation: rowOf('policies.explain'),
    load: async () => (await import('../commands/policy-explain.ts')).explainPolicy,
  },
  {
    path: ['policy', 'set'],
    summary: rowOf('policies.set').summary,
    args: [argument('FILE', 'a policy in YAML; - reads standard input', { completion: FILES })],
    options: [option('--reason', 'text', 'why; it goes into the log')],
    example: 'policy set examples/policies/strict.yaml --reason "before the release"',
    operation: rowOf('policies.set'),
    mutates: true,
    load: async () => (await import('../commands/policy-set.ts')).setPolicy,
  },
];

const FILTERS: readonly OptionSpec[] = [
  option('--since', 'time', 'not older: 7d, 12h, or a day'),
  option('--until', 'time', 'not newer: 1d, or a day'),
  option('--plan', 'plan', 'of this plan', live('plan')),
  option('--swarm', 'swarm', 'of this swarm'),
  option('--task', 'task', 'of this task', live('task')),
  option('--session', 'session', 'of this session', live('session')),
  option('--model', 'model', 'of this model'),
  option('--component', 'name', 'of what spent it: gateway, chassis, agent'),
];
const CSV = option('--csv', 'file', 'write CSV to this file; - to standard output', {
  completion: FILES,
});

const COSTS: readonly CommandSpec[] = [
  {
    path: ['cost', 'report'],
    summary: rowOf('costs.report').summary,
    args: [],
    options: [
      option('--by', 'a,b', 'plan, swarm, task, session, model, component, day; up to three'),
      ...FILTERS,
      CSV,
    ],
    example: 'cost report --by plan,model --since 7d',
    operation: rowOf('costs.report'),
    explains: true,
    modes: ['falsify'],
    load: async () => (await import('../commands/cost-report.ts')).reportCosts,
  },
  {
    path: ['cost', 'history'],
    summary: rowOf('costs.history').summary,
    args: [],
    options: [
      option('--bucket', 'length', 'hour, day or week; default day', words('hour', 'day', 'week')),
      option('--by', 'dimension', 'one of plan, swarm, task, session, model, component'),
      ...FILTERS,
      CSV,
    ],
    example: 'cost history --bucket hour --since 1d',
    operation: rowOf('costs.history'),
    explains: true,
    modes: ['falsify'],
    load: async () => (await import('../commands/cost-history.ts')).showCostHistory,
  },
  {
    path: ['cost', 'budget'],
    summary: 'What accounts may spend, have spent and have left.',
    args: [],
    options: [
      option(
        '--kind',
        'kind',
        'accounts of this kind',
        words('realm', 'plan', 'task', 'swarm', 'session'),
      ),
      CSV,
    ],
    example: 'cost budget --kind swarm',
    load: async () => (await import('../commands/cost-budget.ts')).showBudgets,
  },
  {
    path: ['cost', 'forecast'],
    summary: rowOf('costs.forecast').summary,
    args: [],
    options: [
      option('--plan', 'plan', 'of this plan', live('plan')),
      option('--swarm', 'swarm', 'of this swarm'),
      option('--window', 'time', 'what is looked back on; default 1h'),
    ],
    example: 'cost forecast --plan repo-checks',
    operation: rowOf('costs.forecast'),
    load: async () => (await import('../commands/cost-forecast.ts')).forecastCosts,
  },
  {
    path: ['cost', 'savings'],
    summary: 'What a cheaper model for part of the work saves, with the formula. Needs no server.',
    args: [],
    options: [
      option('--hours', 'hours', 'hours of work; default 290'),
      option('--tokens-per-hour', 'tokens', 'tokens an hour; default 50000'),
      option('--cheap-share', 'percent', 'part for the cheaper model; default 70'),
      option('--cheap-price', 'usd', 'dollars a million tokens; default 0.25'),
      option('--strong-price', 'usd', 'dollars a million tokens; default 3'),
    ],
    example: 'cost savings --hours 100 --cheap-share 80',
    load: async () => (await import('../commands/cost-savings.ts')).explainSavings,
  },
];

export const GOVERNOR_COMMANDS: readonly CommandSpec[] = [...SWARMS, ...POLICIES, ...COSTS];
