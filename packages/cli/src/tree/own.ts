/** Commands that only a terminal has, and those that do more than call their operation. */
import { rowOf } from '../registry/rows.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { CHASSIS_COMMANDS } from './own-chassis.ts';
import { GOVERNOR_COMMANDS } from './own-governor.ts';
import { SECRET_COMMANDS } from './own-secrets.ts';
import { argument, FILES, live, option, words } from './specs.ts';

const PLAN_OPTIONS: readonly OptionSpec[] = [
  option('--id', 'plan', 'take it under this id'),
  option('--reopen', undefined, 'take every task as not done, whatever the source says'),
  option('--confirm', 'usd', 'what the plan may cost, in dollars, as a person confirms it'),
];

const PLANS: readonly CommandSpec[] = [
  {
    path: ['plan', 'submit'],
    summary: rowOf('plans.submit').summary,
    args: [
      argument('FILE', 'a plan in YAML or JSON; - reads standard input', { completion: FILES }),
    ],
    options: PLAN_OPTIONS,
    example: 'plan submit examples/repo-checks.yaml',
    operation: rowOf('plans.submit'),
    mutates: true,
    explains: true,
    load: async () => (await import('../commands/plan-import.ts')).submitPlan,
  },
  {
    path: ['plan', 'import'],
    summary:
      'Take a plan of another tool: Beads, Gas Town, a Markdown task board; the report says what was found.',
    args: [argument('PATH', 'a file, or a folder with its tables', { completion: FILES })],
    options: PLAN_OPTIONS,
    example: 'plan import .beads --dry-run',
    operation: rowOf('plans.submit'),
    mutates: true,
    load: async () => (await import('../commands/plan-import.ts')).importPlan,
  },
  {
    path: ['plan', 'export'],
    summary: 'Write a plan out of the log, with its edits and how far it is.',
    args: [argument('PLAN', 'the plan', live('plan'))],
    options: [
      option(
        '--format',
        'format',
        'json (default), mermaid or dot',
        words('json', 'mermaid', 'dot'),
      ),
      option('--fresh', undefined, 'as it was planned: nothing counts as done'),
    ],
    example: 'plan export repo-checks --format mermaid',
    load: async () => (await import('../commands/plan-export.ts')).exportPlan,
  },
];

const DIR = argument('DIR', 'a data folder; default: the configured one', {
  required: false,
  completion: FILES,
});

const WITNESS: readonly CommandSpec[] = [
  {
    path: ['witness', 'trace'],
    summary: 'All entries of one trace id, or of one task, oldest first.',
    args: [argument('TRACE', 'a trace id of 32 hex digits, or a task as plan/key')],
    options: [],
    example: 'witness trace 4bf92f3577b34da6a3ce929d0e0e4736',
    load: async () => (await import('../commands/witness-read.ts')).traceEntries,
  },
  {
    path: ['witness', 'export'],
    summary: 'Every entry of the log, one JSON object a line, oldest first.',
    args: [],
    options: [option('--from', 'index', 'first entry'), option('--to', 'index', 'last entry')],
    example: 'witness export --from 0 > log.ndjson',
    load: async () => (await import('../commands/witness-read.ts')).exportEntries,
  },
  {
    path: ['witness', 'verify'],
    summary:
      'Check a log: frames, chain, tree, tiles, checkpoints. Needs no server; exits 1 if it does not hold.',
    args: [
      argument('DIR|URL', 'a data folder, or a fabric’s URL; default: the configured folder', {
        required: false,
        completion: FILES,
      }),
    ],
    options: [
      option(
        '--log-key',
        'vkey',
        'the log’s key as you know it; a key that comes with the log proves nothing',
      ),
      option('--checkpoint', 'file', 'a checkpoint that you kept', {
        many: true,
        completion: FILES,
      }),
      option('--policy', 'file', 'a C2SP policy file: whose cosignatures count', {
        completion: FILES,
      }),
      option(
        '--level',
        'level',
        '0, 1 (default), or 5: decide every call again',
        words('0', '1', '5'),
      ),
    ],
    example: 'witness verify --mode=falsify',
    modes: ['verify', 'falsify'],
    load: async () => (await import('../commands/witness-verify.ts')).verifyWitness,
  },
  {
    path: ['witness', 'replay'],
    summary:
      'Decide every call of a log again and compare. Needs no server; exits 1 where it diverges.',
    args: [DIR],
    options: [],
    example: 'witness replay --mode=falsify',
    modes: ['verify', 'falsify'],
    load: async () => (await import('../commands/witness-verify.ts')).replayWitness,
  },
];

const RUNNING: readonly CommandSpec[] = [
  {
    path: ['serve'],
    summary: 'Start a fabric on this machine: HTTP, WebSocket and MCP on loopback, until Ctrl-C.',
    args: [],
    options: [
      option('--host', 'host', 'address to listen on; default 127.0.0.1'),
      option('--port', 'port', 'port to listen on; 0 takes a free one'),
    ],
    example: 'serve --port 7070',
    load: async () => (await import('../commands/serve.ts')).serve,
  },
  {
    path: ['run'],
    summary:
      'Run a plan’s commands and modules: sessions, leases, gates, evidence; a second run resumes.',
    args: [argument('PLAN', 'a plan’s file, or a folder with its tables', { completion: FILES })],
    options: [
      option('--sessions', 'count', 'agents at work at a time; default 4'),
      option('--in', 'dir', 'run the commands in this folder instead of one of their own', {
        completion: FILES,
      }),
      option('--id', 'plan', 'take it under this id'),
      option('--reopen', undefined, 'take every task as not done, whatever the source says'),
      option('--approve', undefined, 'approve autonomous phases as operator'),
      option('--budget', 'usd', 'all that the realm may spend, in dollars'),
      option('--confirm', 'usd', 'what the plan may cost, in dollars, as a person confirms it'),
      option('--join', 'url', 'join this fabric; default: the one here, else one of its own'),
      option('--keep', undefined, 'keep the work folders'),
      option('--swarm', 'swarm', 'swarm of its sessions; default: those that modules’ tasks name', {
        completion: { kind: 'live', of: 'swarm' },
      }),
      option('--simulate', undefined, 'simulated work instead of commands'),
      option('--work-ms', 'ms', 'mean length of simulated work; default 200'),
      option('--seed', 'seed', 'seed of the simulated work; default 1'),
    ],
    example: 'run examples/repo-checks.yaml --sessions 4',
    mutates: true,
    load: async () => (await import('../run/command.ts')).runCommand,
  },
  {
    path: ['mcp'],
    summary: 'Speak MCP on standard input and output, as a client of the running fabric.',
    args: [],
    options: [],
    example: 'mcp',
    load: async () => (await import('../commands/mcp.ts')).serveMcp,
  },
];

const LOOKING: readonly CommandSpec[] = [
  {
    path: ['events'],
    summary: 'What happened, event by event, as the feed tells it; -f goes on with what happens.',
    args: [],
    options: [
      option('--follow', undefined, 'go on until Ctrl-C', { short: '-f' }),
      option('--after', 'cursor', 'only what came after this cursor'),
      option('--types', 'a,b', 'only these types of events', { many: true }),
      option('--plan', 'plan', 'of this plan', live('plan')),
      option('--task', 'task', 'of this task', live('task')),
      option('--session', 'session', 'of this session', live('session')),
    ],
    example: 'events -f --plan repo-checks',
    load: async () => (await import('../commands/events.ts')).showEvents,
  },
  {
    path: ['top'],
    summary: 'Plans, running tasks and agents, drawn again as they change, until Ctrl-C.',
    args: [],
    options: [option('--every', 'time', 'redraw this often; default 1s')],
    example: 'top',
    load: async () => (await import('../commands/top.ts')).showTop,
  },
  {
    path: ['doctor'],
    summary: 'Check this machine, the data folder and the server; every failure names its mend.',
    args: [],
    options: [],
    example: 'doctor',
    load: async () => (await import('../commands/doctor.ts')).runDoctor,
  },
];

const SETTINGS: readonly CommandSpec[] = [
  {
    path: ['config', 'show'],
    summary: 'Every setting with its value and where it comes from; secrets masked.',
    args: [],
    options: [],
    example: 'config show',
    load: async () => (await import('../commands/settings.ts')).showSettings,
  },
  {
    path: ['config', 'explain'],
    summary: 'Which source of a setting won, and what it hid.',
    args: [argument('KEY', 'name of the setting')],
    options: [],
    example: 'config explain dataDir',
    load: async () => (await import('../commands/settings.ts')).explainSetting,
  },
  {
    path: ['config', 'path'],
    summary: 'The files that settings are read from, in their order, and which of them exist.',
    args: [],
    options: [],
    example: 'config path',
    load: async () => (await import('../commands/settings.ts')).showPaths,
  },
];

const SHELL: readonly CommandSpec[] = [
  {
    path: ['op'],
    summary: 'Call any operation of the registry by its name.',
    args: [argument('NAME', 'operation, as in ifab op tasks.list')],
    options: [
      option('--input', 'json', 'its input: JSON, @file or - for standard input; default {}', {
        completion: FILES,
      }),
      option('--schema', undefined, 'print the JSON Schemas of its input and output instead'),
    ],
    example: `op tasks.list --input '{"planId":"repo-checks"}'`,
    mutates: true,
    explains: true,
    load: async () => (await import('../commands/op.ts')).callOperation,
  },
  {
    path: ['completion'],
    summary: 'Print the completion script of a shell.',
    args: [
      argument(
        'SHELL',
        'bash, zsh, fish or powershell',
        words('bash', 'zsh', 'fish', 'powershell'),
      ),
    ],
    options: [],
    example: 'completion bash > ~/.local/share/bash-completion/completions/ifab',
    load: async () => (await import('../commands/completion.ts')).printCompletion,
  },
  {
    path: ['help'],
    summary: 'Help of a command; with --json the tree of all commands.',
    args: [argument('COMMAND', 'the command', { required: false, many: true })],
    options: [],
    example: 'help plan import',
  },
];

export const OWN_COMMANDS: readonly CommandSpec[] = [
  ...RUNNING,
  ...PLANS,
  ...LOOKING,
  ...WITNESS,
  ...GOVERNOR_COMMANDS,
  ...CHASSIS_COMMANDS,
  ...SECRET_COMMANDS,
  ...SETTINGS,
  ...SHELL,
];
