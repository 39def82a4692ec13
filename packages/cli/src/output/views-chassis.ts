/** How contracts, modules, runs, SLO and reputation look to people. */
import type { OutputOf, SloVerdict } from '@infrafabric/protocol';
import { agoText, durationText } from '../commands/duration.ts';
import { countText } from '../costs/money.ts';
import { cell, pairs, table } from './terminal.ts';
import type { Cell, Paint, Terminal } from './terminal.ts';
import type { Views } from './view.ts';

const PAINT: Readonly<Record<string, Paint>> = {
  open: 'yellow',
  completed: 'green',
  unavailable: 'yellow',
  revoked: 'dim',
  met: 'green',
  missed: 'red',
  'not-enough-data': 'dim',
  admitted: 'green',
  refused: 'red',
};

const word = (text: string): Cell => cell(text, PAINT[text]);
const right = (text: string): Cell => ({ ...cell(text), right: true });
const more = (next: string | undefined): string =>
  next === undefined ? '' : `more: --after '${next}'\n`;
/** Twelve hex digits tell modules apart; the rest is in --json. */
const digestText = (digest: string): string => digest.slice(0, 'sha256:'.length + 12);
const shareText = (permyriad: number | undefined): string =>
  permyriad === undefined ? '—' : `${permyriad / 100} %`;
const msText = (ms: number | undefined): string => (ms === undefined ? '—' : `${countText(ms)} ms`);
const MIB = 1_048_576;
const mibText = (bytes: number): string => `${countText(Math.ceil(bytes / MIB))} MiB`;
const causePaint = (cause: string): Paint => PAINT[cause] ?? 'red';

type Run = OutputOf<'runs.list'>['runs'][number];

export const CHASSIS_VIEWS: Views = {
  'contracts.accept': ({ swarmId, module, changed }) =>
    changed
      ? `swarm ${swarmId} may run ${module}\n`
      : `swarm ${swarmId} might run ${digestText(module)} under this contract already; nothing changed\n`,
  'contracts.list': ({ contracts, next }, terminal, nowMs) =>
    contracts.length === 0
      ? 'No contracts. Bring a module with one: ifab chassis load FILE --contract CONTRACT\n'
      : table(
          terminal,
          ['SWARM', 'MODULE', 'PROVIDER', 'VERSION', 'ABI', 'LEVEL', 'ACCEPTED', 'ENTRYPOINTS'],
          contracts.map((one) => [
            cell(one.swarmId),
            cell(digestText(one.module)),
            cell(one.provider),
            cell(one.version),
            cell(one.abi),
            cell(one.minLevel),
            cell(agoText(one.acceptedAt, nowMs)),
            cell(one.entrypoints.join(', ')),
          ]),
        ) + more(next),
  'contracts.show': ({ contract, digest, acceptedAt, acceptedBy }, terminal, nowMs) =>
    pairs(terminal, [
      ['swarm', contract.swarmId, 'bold'],
      ['module', contract.module.digest],
      ['provider', contract.provider],
      ['version', contract.version],
      ['linked as', contract.module.abi],
      ['entrypoints', contract.module.entrypoints.join(', ')],
      ['may call', listText(contract.hostFunctions)],
      ['may reach', listText(contract.http.map(({ alias, origin }) => `${alias} (${origin})`))],
      ['with secrets of', listText(contract.secrets.map(({ alias }) => alias))],
      ...limitPairs(contract.limits),
      ['promises', promisesText(contract.guarantees)],
      ['least isolation', contract.minLevel],
      ['instance', contract.reuse === 'run' ? 'a fresh one each run' : 'one a session'],
      ['deterministic', contract.deterministic ? 'yes' : undefined],
      ['accepted', `${agoText(acceptedAt, nowMs)} by ${acceptedBy}`],
      ['digest', digest],
    ] as const),
  'modules.record': ({ digest, admitted, changed }) =>
    `${digest} is ${admitted ? 'admitted' : 'refused'}${changed ? '' : ', as it was'}\n`,
  'modules.list': ({ modules, next }, terminal, nowMs) =>
    modules.length === 0
      ? 'No module was judged yet.\n'
      : table(
          terminal,
          ['MODULE', 'VERDICT', 'ABI', 'BYTES', 'FUNCTIONS', 'BY', 'WHEN', 'WHY'],
          modules.map((one) => [
            cell(digestText(one.digest)),
            word(one.admitted ? 'admitted' : 'refused'),
            cell(one.abi),
            right(countText(one.bytes)),
            cell(one.functions),
            cell(`admission ${one.admission}, V8 ${one.engine}`),
            cell(agoText(one.recordedAt, nowMs)),
            cell(one.reason ?? ''),
          ]),
        ) + more(next),
  'runs.list': ({ runs, next }, terminal, nowMs) =>
    runs.length === 0
      ? 'No runs.\n'
      : table(
          terminal,
          ['RUN', 'TASK', 'SWARM', 'MODULE', 'LEVEL', 'STARTED', 'END', 'TOOK', 'CPU', 'MEMORY'],
          runs.map((run) => [
            cell(run.runId),
            cell(run.taskId),
            cell(run.swarmId),
            cell(digestText(run.module)),
            cell(run.level),
            cell(agoText(run.startedAt, nowMs)),
            endCell(run),
            right(
              run.measure === undefined ? '' : msText(run.measure.queueMs + run.measure.wallMs),
            ),
            right(run.measure === undefined ? '' : msText(run.measure.cpuMs)),
            right(run.measure === undefined ? '' : mibText(run.measure.peakMemoryBytes)),
          ]),
        ) + more(next),
  'runs.show': (run, terminal, nowMs) =>
    pairs(terminal, [
      ['run', run.runId, 'bold'],
      ['task', run.taskId],
      ['swarm', `${run.swarmId} (session ${run.sessionId})`],
      ['provider', run.provider],
      ['module', run.module],
      ['entrypoint', run.entrypoint],
      ['isolation', `level ${run.level} of at least ${run.minLevel}: ${run.layers.join(', ')}`],
      ['on', `${run.platform}, Node ${run.node}`],
      ['might reach', listText(run.http)],
      ['with secrets of', listText(run.secrets)],
      ...limitPairs(run.limits),
      ['started', agoText(run.startedAt, nowMs)],
      ['end', endText(run, nowMs), causePaint(run.cause ?? 'open')],
      ['said', run.detail],
      ['result', run.output],
      ...measurePairs(run),
      ['counts as', countsAs(run)],
      ['notes', run.notes + run.more === 0 ? undefined : notesText(run)],
    ] as const),
  'runs.start': ({ runId, minLevel }) =>
    `run ${runId} has begun; it needs isolation level ${minLevel} or more\n`,
  'runs.note': ({ runId, kept, more: rest }) =>
    `${kept} notes of ${runId} are kept${rest === 0 ? '' : `, ${rest} more are counted`}\n`,
  'runs.end': ({ runId, cause, missed, reputationPermyriad }) =>
    `run ${runId} has ended: ${cause}${missed ? '; it missed what its contract promises' : ''}${reputationPermyriad === undefined ? '' : `; its provider’s reputation is ${shareText(reputationPermyriad)}`}\n`,
  'slo.show': (slo, terminal) => {
    const head = pairs(terminal, [
      ['swarm', slo.swarmId, 'bold'],
      ['runs', `${slo.samples} of the last ${slo.windowDays} days`],
      ['success', shareText(slo.successPermyriad)],
      ['availability', shareText(slo.availabilityPermyriad)],
      ['efficiency', shareText(slo.efficiencyPermyriad)],
      ['p50', msText(slo.p50Ms)],
      ['p95', msText(slo.p95Ms)],
      ['p99', msText(slo.p99Ms)],
      ['failed or too slow', slo.violations, slo.violations > 0 ? 'yellow' : undefined],
    ] as const);
    return slo.objectives.length === 0
      ? `${head}No contract of this swarm promises anything.\n`
      : `${head}\n${objectivesText(slo.objectives, terminal)}`;
  },
  'slo.list': ({ runs, swarms, next }, terminal) => {
    const ended = Object.entries(runs.ended).map(([cause, count]) => `${count} ${cause}`);
    const head = pairs(terminal, [
      ['open runs', runs.open],
      ['ended', ended.length === 0 ? 'none' : ended.join(', ')],
    ] as const);
    if (swarms.length === 0) return head;
    const heads = [
      'SWARM',
      'RUNS',
      'P50',
      'P95',
      'P99',
      'SUCCESS',
      'AVAILABLE',
      'MISSED',
      'REPUTE',
    ];
    const rows = swarms.map((one) => [
      cell(one.swarmId),
      cell(one.samples),
      right(msText(one.p50Ms)),
      right(msText(one.p95Ms)),
      right(msText(one.p99Ms)),
      right(shareText(one.successPermyriad)),
      right(shareText(one.availabilityPermyriad)),
      cell(one.violations),
      right(shareText(one.reputationPermille * 10)),
    ]);
    return `${head}\n${table(terminal, heads, rows)}${more(next)}`;
  },
  'reputation.show': (one, terminal, nowMs) => {
    const head = pairs(terminal, [
      ['swarm', one.swarmId, 'bold'],
      ['provider', one.provider ?? 'no contract names one'],
      [
        'reputation',
        `${shareText(one.value)}${one.measured ? '' : ' (of its profile: nothing was measured)'}`,
      ],
      ['measured score', one.score === undefined ? undefined : shareText(one.score)],
      ['penalties', one.adjustment === 0 ? undefined : shareText(one.adjustment), 'yellow'],
      ['prior', `${shareText(one.prior)}, which weighs as much as 20 runs`],
      ['runs', one.samples],
    ] as const);
    if (one.history.length === 0) return head;
    const rows = one.history
      .toReversed()
      .slice(0, HISTORY_SHOWN)
      .map(({ at, value, runId }) => [
        cell(agoText(at, nowMs)),
        right(shareText(value)),
        cell(runId ?? ''),
      ]);
    return `${head}\n${table(terminal, ['WHEN', 'REPUTATION', 'AFTER'], rows)}`;
  },
};

/** The rest is in --json. */
const HISTORY_SHOWN = 20;

const listText = (list: readonly string[]): string =>
  list.length === 0 ? 'nothing' : list.join(', ');

type Limits = OutputOf<'runs.show'>['limits'];
type Pairs = Parameters<typeof pairs>[1];

const limitPairs = (limits: Limits): Pairs => [
  ['CPU', `${msText(limits.cpuMsMax)} at ${limits.cpuPercentMax} % of a core`],
  ['time', durationText(limits.wallMsMax)],
  ['memory', `${limits.memoryMibMax} MiB`],
  ['calls', `${limits.apiCallsPerSecondMax} a second, ${limits.networkCallsMax} to the network`],
];

const PROMISES: Readonly<Record<string, string>> = {
  latencyP50Ms: 'p50',
  latencyP95Ms: 'p95',
  latencyP99Ms: 'p99',
  successPermyriadMin: 'success',
  availabilityPermyriadMin: 'availability',
};

const promisesText = (guarantees: OutputOf<'contracts.show'>['contract']['guarantees']): string =>
  listText(
    Object.entries(guarantees).map(([name, value = 0]) =>
      name.endsWith('Ms')
        ? `${PROMISES[name]} ${msText(value)}`
        : `${PROMISES[name]} ${shareText(value)}`,
    ),
  );

const objectivesText = (
  objectives: OutputOf<'slo.show'>['objectives'],
  terminal: Terminal,
): string =>
  table(
    terminal,
    ['PROMISED', 'WANTED', 'MEASURED', 'VERDICT'],
    objectives.map(({ name, wanted, measured, verdict }) => {
      const text = name.endsWith('Ms') ? msText : shareText;
      return [
        cell(PROMISES[name]),
        right(text(wanted)),
        right(text(measured)),
        cell(VERDICTS[verdict], PAINT[verdict]),
      ];
    }),
  );

const VERDICTS: Readonly<Record<SloVerdict, string>> = {
  met: 'met',
  missed: 'missed',
  'not-enough-data': 'not enough data',
};

const endCell = ({ cause }: Run): Cell =>
  cause === undefined ? word('open') : cell(cause, causePaint(cause));

const endText = ({ cause, endedAt }: Run, nowMs: number): string =>
  cause === undefined || endedAt === undefined ? 'not yet' : `${cause}, ${agoText(endedAt, nowMs)}`;

const measurePairs = ({ measure }: Run): Pairs =>
  measure === undefined
    ? []
    : [
        ['took', `${msText(measure.wallMs)} after ${msText(measure.queueMs)} in the queue`],
        ['CPU used', msText(measure.cpuMs)],
        ['memory used', mibText(measure.peakMemoryBytes)],
        ['calls made', `${measure.apiCalls}, ${measure.networkCalls} to the network`],
        [
          'bytes',
          `${countText(measure.sentBytes)} sent, ${countText(measure.receivedBytes)} received, ${countText(measure.logBytes)} logged`,
        ],
        ['fuel', measure.fuel === undefined ? undefined : countText(measure.fuel)],
      ];

const countsAs = ({ cause, missed, latencyMs }: Run): string | undefined => {
  if (cause === undefined) return undefined;
  if (missed === undefined)
    return cause === 'unavailable' ? 'a runner that could not be had' : 'nothing';
  return `${missed ? 'a miss' : 'a success'} of ${msText(latencyMs)}`;
};

const notesText = ({ notes, more: rest, taskId }: Run): string =>
  `${notes}${rest === 0 ? '' : ` and ${rest} more`}: ifab witness query --task ${taskId}`;
