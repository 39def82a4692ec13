/** Commands of the sandbox: modules that nobody trusts, their contracts, and what came of their runs. */
import { rowOf } from '../registry/rows.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { argument, FILES, live, option, words } from './specs.ts';

const CONTRACT = option('--contract', 'file', 'the contract, in JSON or YAML', {
  completion: FILES,
});
const LEVELS = words('0', '1', '2', '3');

const MACHINE: readonly CommandSpec[] = [
  {
    path: ['chassis', 'levels'],
    summary:
      'How well this machine isolates a module, found out by trying: the level, what it is made of, what is missing and the command that adds it. Needs no server.',
    args: [],
    options: [option('--at-least', 'level', 'exit 1 where less is attained', { ...LEVELS })],
    example: 'chassis levels --at-least 3',
    load: async () => (await import('../commands/chassis-levels.ts')).showLevels,
  },
  {
    path: ['chassis', 'probe'],
    summary:
      'Start one runner and try what it must not do (read, write, exec, socket, signal, allocate …): every attempt as it was answered. Needs no server.',
    args: [],
    options: [
      option('--node', 'file', 'start runners with this Node; default: the one that runs ifab', {
        completion: FILES,
      }),
    ],
    example: 'chassis probe',
    load: async () => (await import('../commands/chassis-levels.ts')).showProbe,
  },
];

const RUN_OPTIONS: readonly OptionSpec[] = [
  option('--entrypoint', 'name', 'export to call; default: the contract’s first, else run'),
  option('--input', 'text', 'what the module is given: JSON or text, @file or -'),
  CONTRACT,
  option(
    '--abi',
    'abi',
    'without a contract: how it is linked; default: what its bytes look like',
    {
      ...words('json', 'extism', 'wasi', 'js'),
    },
  ),
  option('--use', 'a,b', 'grants of the contract that the run may use, with their secrets', {
    many: true,
  }),
  option('--fuel', undefined, 'count instructions: the same input gives the same count'),
  option('--min-level', 'level', 'least isolation instead of the contract’s; default 3', {
    ...LEVELS,
  }),
];

const MODULES: readonly CommandSpec[] = [
  {
    path: ['chassis', 'load'],
    summary:
      'Bring a module and its contract into the fabric: it is admitted in the sandbox here first, then stored and accepted.',
    args: [argument('FILE', 'the module: WebAssembly, or JavaScript', { completion: FILES })],
    options: [
      CONTRACT,
      option('--swarm', 'swarm', 'accept it for this swarm instead of the contract’s', {
        completion: { kind: 'live', of: 'swarm' },
      }),
      option('--blob', 'file', 'store this too: an output schema, or inputs of tasks', {
        many: true,
        completion: FILES,
      }),
    ],
    example: 'chassis load count.wasm --contract count.contract.json --swarm session-4-sip',
    operation: rowOf('contracts.accept'),
    mutates: true,
    load: async () => (await import('../commands/chassis-load.ts')).loadModule,
  },
  {
    path: ['chassis', 'run'],
    summary:
      'Run a module once in the sandbox of this machine, without a server: its result on stdout, what it used on stderr. Without a contract it may log, and nothing else.',
    args: [
      argument('FILE|DIGEST', 'the module’s file, or the digest of a blob of the data folder', {
        completion: FILES,
      }),
    ],
    options: RUN_OPTIONS,
    example: `chassis run count.wasm --entrypoint run --input '{"text":"a b c"}'`,
    load: async () => (await import('../commands/chassis-run.ts')).runModule,
  },
  {
    path: ['contract', 'check'],
    summary:
      'Check a contract where it is written; with --module also that it is the contract of that module, in the sandbox. Needs no server, writes nothing.',
    args: [
      argument('FILE', 'a contract in JSON or YAML; - reads standard input', { completion: FILES }),
    ],
    options: [option('--module', 'file', 'the module that it is for', { completion: FILES })],
    example: 'contract check count.contract.json --module count.wasm',
    load: async () => (await import('../commands/contract-check.ts')).checkContract,
  },
];

const SWARM = argument('SWARM', 'the swarm', {
  field: { name: 'swarmId', required: true, type: { kind: 'string' } },
  completion: { kind: 'live', of: 'swarm' },
});

const STANDING: readonly CommandSpec[] = [
  {
    path: ['chassis', 'performance'],
    summary:
      'The same as ifab chassis slo: what a swarm’s runs were measured at, and what was promised.',
    args: [SWARM],
    options: [],
    example: 'chassis performance session-4-sip',
    operation: rowOf('slo.show'),
    load: async () => (await import('../commands/operation.ts')).runOperation,
  },
  {
    path: ['chassis', 'resources'],
    summary: 'What runs might use and what they did use: CPU, time, memory, network.',
    args: [],
    options: [
      option('--swarm', 'swarm', 'of this swarm', { completion: { kind: 'live', of: 'swarm' } }),
      option('--task', 'task', 'of this task', live('task')),
      option('--open', undefined, 'only runs that have not ended'),
      option('--limit', 'rows', 'newest runs; default 20'),
    ],
    example: 'chassis resources --swarm session-4-sip',
    load: async () => (await import('../commands/chassis-resources.ts')).showResources,
  },
  {
    path: ['chassis', 'credentials'],
    summary: 'Which credentials runs used, when and for which host; never a secret.',
    args: [],
    options: [
      option('--task', 'task', 'of this task', live('task')),
      option('--alias', 'alias', 'of this grant'),
      option('--since', 'time', 'not older: 10m, 2h, 1d, or an ISO time'),
    ],
    example: 'chassis credentials --since 1d',
    load: async () => (await import('../commands/chassis-credentials.ts')).showCredentials,
  },
];

export const CHASSIS_COMMANDS: readonly CommandSpec[] = [...MACHINE, ...MODULES, ...STANDING];
