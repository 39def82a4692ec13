/** A report as text for a terminal: one fact a line, aligned, nothing that could act on the terminal. */
import type { PlanIssue } from '../issues.ts';
import type { EventReport } from '../readers/events.ts';
import { printable, shortened } from './printable.ts';
import type { ChainReport, Counts, ImportReport } from './report.ts';

const LABEL_CHARS = 13;
const WIDTH_MIN = 40;
/** Tasks of a chain or a ready set that are named. */
const NAMES_MAX = 12;
/** Skipped rows that are named; the JSON has them all. */
const SKIPPED_MAX = 10;
const MINUTES_PER_HOUR = 60;

export interface RenderOptions {
  /** Characters of a line. */
  readonly width: number;
}

type Line = readonly [label: string, facts: readonly string[]];

export const renderReport = (report: ImportReport, { width }: RenderOptions): string => {
  const charsMax = Math.max(WIDTH_MIN, width);
  const lines: Line[] = [
    ['tasks', tasksOf(report)],
    ['status', counts(report.byStatus)],
    ['type', counts(report.byType)],
    ['priority', Object.entries(report.byPriority).map(([name, count]) => `${name}: ${count}`)],
    ['model', counts(report.byModel)],
    [
      'edges',
      [`${report.edges.total}: ${counts(report.edges.byType).join(', ')}`, ...prose(report)],
    ],
    ['dangling', danglingOf(report)],
    ['order', orderOf(report)],
    ['cycles', report.cycles.map((cycle) => cycle.join(' → '))],
    ['chain', chain(report.longestChain)],
    ['critical path', criticalOf(report)],
    ['ready', readyOf(report)],
    ['', namesOf(report.ready.tasks)],
    [
      'waves',
      report.waves.length === 0
        ? []
        : [`${report.waves.length} if all were open: ${runs(report.waves)}`],
    ],
    ['most', mostOf(report)],
    ['rows', rowsOf(report)],
    ['work', workOf(report)],
    ...(report.events === undefined ? [] : eventLines(report.events)),
  ];
  const text = [
    printable(`${report.title} (${report.format})`),
    ...lines.filter(([, facts]) => facts.length > 0).flatMap((line) => wrap(line, charsMax)),
    ...skippedOf(report, charsMax),
    ...report.warnings.flatMap((warning) => wrap(['!', [warning]], charsMax, '!'.length + 1)),
  ];
  return `${text.join('\n')}\n`;
};

/** The issues of a refused plan, each with its place, its trouble and its mend. */
export const renderIssues = (
  issues: readonly PlanIssue[],
  { width, whole = 'the plan' }: RenderOptions & { readonly whole?: string },
): string => {
  const charsMax = Math.max(WIDTH_MIN, width);
  const lines = issues.flatMap(({ path, line, what, mend }) => {
    const place = [line === undefined ? undefined : `line ${line}`, path === '' ? undefined : path];
    return [
      printable(place.filter((part) => part !== undefined).join(', ') || whole),
      ...wrap(['', [what]], charsMax, 2),
      ...wrap(['→', [mend]], charsMax, 2),
    ];
  });
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
};

const counts = (of: Counts): readonly string[] =>
  Object.entries(of).map(([name, count]) => `${name} ${count}`);

const tasksOf = ({ tasks, fillers, phases }: ImportReport): readonly string[] => [
  fillers === 0 ? `${tasks}` : `${tasks}, ${fillers} of them filler`,
  ...(phases.count === 0
    ? []
    : [`${phases.count} phases, ${phases.autonomous} of them autonomous`]),
];

const prose = ({ edges }: ImportReport): readonly string[] =>
  edges.fromProse === 0 ? [] : [`${edges.fromProse} of them spelled out from prose`];

const danglingOf = ({ dangling }: ImportReport): readonly string[] =>
  dangling.total === 0
    ? []
    : [
        `${dangling.total} to ${dangling.ids.length} unknown ids, dropped: ${counts(dangling.byType).join(', ')}`,
      ];

const orderOf = ({
  usableBlocks,
  duplicates,
  selfEdges,
  cycles,
}: ImportReport): readonly string[] => [
  `${usableBlocks} usable dependencies`,
  `${cycles.length} cycles`,
  `${duplicates.ids.length} ids twice`,
  `${duplicates.edges} edges twice`,
  `${selfEdges} self edges`,
];

const chain = ({ tasks, path }: ChainReport): readonly string[] =>
  tasks === 0
    ? []
    : [`${tasks}: ${path.slice(0, NAMES_MAX).join(' → ')}${path.length > NAMES_MAX ? ' → …' : ''}`];

const criticalOf = ({ criticalPath }: ImportReport): readonly string[] =>
  criticalPath === undefined
    ? []
    : [
        `${hours(criticalPath.minutes)}: ${criticalPath.path.slice(0, NAMES_MAX).join(' → ')}${criticalPath.path.length > NAMES_MAX ? ' → …' : ''}`,
      ];

const hours = (minutes: number): string =>
  minutes % MINUTES_PER_HOUR === 0 ? `${minutes / MINUTES_PER_HOUR} h` : `${minutes} min`;

const readyOf = ({ ready }: ImportReport): readonly string[] => [
  `${ready.count}`,
  `strict ${ready.strict}`,
  `inherited ${ready.inherited}`,
  `Beads’ rule ${ready.beadsRule}`,
  `leaf work ${ready.leafWork}`,
  `offered after a submit ${ready.afterSubmit}`,
];

const namesOf = (names: readonly string[]): readonly string[] =>
  names.length > NAMES_MAX ? [...names.slice(0, NAMES_MAX), '…'] : names;

/** 36, 34, 34, 34 as “36, 34 × 3”. */
const runs = (sizes: readonly number[]): string => {
  const parts: { readonly size: number; times: number }[] = [];
  for (const size of sizes) {
    const last = parts.at(-1);
    if (last?.size === size) last.times += 1;
    else parts.push({ size, times: 1 });
  }
  return parts
    .map(({ size, times }) => (times === 1 ? `${size}` : `${size} × ${times}`))
    .join(', ');
};

const mostOf = ({ mostDependants, mostDependencies }: ImportReport): readonly string[] => [
  ...(mostDependants === undefined
    ? []
    : [`dependants ${mostDependants.id} ${mostDependants.count}`]),
  ...(mostDependencies === undefined
    ? []
    : [`dependencies ${mostDependencies.id} ${mostDependencies.count}`]),
];

const rowsOf = (report: ImportReport): readonly string[] => {
  const { assigned, ephemeral, parents, labels, created } = report;
  const facts: readonly (readonly [count: number, text: string])[] = [
    [assigned.rows, `${assigned.rows} assigned, ${assigned.inFlight} in flight`],
    [ephemeral, `${ephemeral} ephemeral`],
    [parents.usable, `${parents.usable} parents, ${parents.nesting} levels`],
    [labels.uses, `${labels.uses} labels, ${labels.different} different`],
  ];
  return [
    ...facts.filter(([count]) => count > 0).map(([, text]) => text),
    ...(created === undefined ? [] : [`created ${created.from} … ${created.to}`]),
  ];
};

const workOf = ({
  longestDescription,
  estimates,
  acceptanceCriteria,
}: ImportReport): readonly string[] => [
  ...(longestDescription === undefined
    ? []
    : [`longest description ${longestDescription.chars} (${longestDescription.id})`]),
  ...(estimates.minutes + estimates.fillerMinutes === 0
    ? []
    : [`estimated ${hours(estimates.minutes)} and ${hours(estimates.fillerMinutes)} of filler`]),
  ...(acceptanceCriteria.total === 0
    ? []
    : [`${acceptanceCriteria.total} acceptance criteria, ${acceptanceCriteria.ticked} ticked`]),
];

const eventLines = (events: EventReport): readonly Line[] => [
  [
    'events',
    [
      `${events.rows} by ${events.actors} actors on ${events.tasks} tasks`,
      `ids ${events.ids.first} … ${events.ids.last}, ${events.ids.missing} missing`,
    ],
  ],
  ['', counts(events.byType)],
  [
    'claims',
    [
      `${events.claims.count} on ${events.claims.tasks} tasks`,
      `${events.claims.sharedTasks} tasks with several workers`,
      `${events.handBacks} handed back`,
      `${events.inFlightMax} in flight at most`,
    ],
  ],
  [
    'closes',
    [
      `${events.closes.count}`,
      `${events.closes.onClosed} on a closed task, ${events.closes.onClosedByAnother} by another actor`,
    ],
  ],
  [
    'fold',
    [
      `${events.fold.agree} of ${events.fold.tasks} give the status of the row`,
      `stale reads ${events.oldStatus.differ}`,
    ],
  ],
  [
    'claim–close',
    [
      `p50 ${events.claimToCloseMinutes.p50} min, p90 ${events.claimToCloseMinutes.p90}, p99 ${events.claimToCloseMinutes.p99} (${events.claimToCloseMinutes.spans} spans)`,
    ],
  ],
];

const skippedOf = ({ skipped }: ImportReport, charsMax: number): readonly string[] => {
  const shown = skipped
    .slice(0, SKIPPED_MAX)
    .map(({ file, row, id, why }) => `${file} ${row}${id === undefined ? '' : ` (${id})`}: ${why}`);
  if (skipped.length > SKIPPED_MAX) shown.push(`… and ${skipped.length - SKIPPED_MAX} more`);
  return shown.flatMap((text) => wrap(['skipped', [text]], charsMax));
};

/** Facts parted by dots, broken between words; a word that is longer than the line is cut. */
const wrap = (
  [label, facts]: Line,
  charsMax: number,
  labelChars = LABEL_CHARS + 1,
): readonly string[] => {
  const room = charsMax - labelChars;
  const words = printable(facts.join(' · '))
    .split(' ')
    .map((word) => shortened(word, room));
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((text, index) => `${(index === 0 ? label : '').padEnd(labelChars)}${text}`);
};
