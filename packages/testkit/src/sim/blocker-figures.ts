/** The figures of a blocker story, read from its log: when it was lifted, what was spent, and on whom in vain. */
import type { Committed } from '@infrafabric/fabric';

export interface StoryFigures {
  /** From the entry that raises the blocker to the entry that completes the blocked task, hours of the log's clock. */
  readonly unblockHours: number;
  /** Entries from the raise to the last helper's lease; 0: all of them are in the raise's own. */
  readonly entriesToHelp: number | undefined;
  readonly helpers: readonly HelperFigures[];
  readonly spentMicroUsd: number;
  /** Spent by helpers that lacked what their side needs, or whose side was never handed in. */
  readonly wastedMicroUsd: number;
  readonly wastePermille: number;
  /** Accounts keep nothing back when all is over. */
  readonly reservedMicroUsd: number;
  readonly entries: number;
}

export interface HelperFigures {
  readonly agent: string;
  readonly taskId: string;
  readonly qualified: boolean;
  readonly handedIn: boolean;
  readonly hours: number;
  readonly spentMicroUsd: number;
}

interface Help {
  readonly sessionId: string;
  readonly taskId: string;
  readonly needs: readonly string[];
  readonly index: number;
  readonly leasedAt: number;
  endedAt: number;
  handedIn: boolean;
  spent: number;
}

interface Session {
  readonly agent: string;
  readonly capabilities: ReadonlySet<string>;
}

const HOUR_MS = 3_600_000;

/** `needs` says what a side wants where its task does not: the proof of concept did not write it down. */
export function storyFigures(
  entries: readonly Committed[],
  { blocked, needs }: { readonly blocked: string; readonly needs: ReadonlyMap<string, string> },
): StoryFigures {
  const sessions = new Map<string, Session>();
  const sides = new Map([...needs].map(([taskId, need]) => [taskId, [need] as readonly string[]]));
  const help = new Map<string, Help>();
  let raised: Committed | undefined;
  let completedAt: number | undefined;
  let spentMicroUsd = 0;
  let reservedMicroUsd = 0;
  for (const entry of entries) {
    for (const event of entry.events) {
      switch (event.type) {
        case 'session.opened': {
          const { agent, capabilities } = event;
          sessions.set(event.sessionId, { agent, capabilities: new Set(capabilities) });
          break;
        }
        case 'blocker.raised':
          raised = entry;
          break;
        case 'help.offered':
          sides.set(event.taskId, event.needs);
          break;
        case 'task.leased': {
          const { taskId, sessionId } = event;
          const wanted = sides.get(taskId);
          if (wanted === undefined) break;
          const { index, at: leasedAt } = entry;
          const begun = { endedAt: leasedAt, handedIn: false, spent: 0 };
          help.set(taskId, { sessionId, taskId, needs: wanted, index, leasedAt, ...begun });
          break;
        }
        case 'usage.recorded': {
          spentMicroUsd += event.microUsd;
          const one = help.get(event.taskId);
          if (one !== undefined) one.spent += event.microUsd;
          break;
        }
        case 'task.completed':
          if (event.taskId === blocked) completedAt = entry.at;
          ended(help.get(event.taskId), entry.at, true);
          break;
        case 'task.failed':
        case 'task.cancelled':
          ended(help.get(event.taskId), entry.at, false);
          break;
        case 'budget.reserved':
          reservedMicroUsd += event.amountMicroUsd;
          break;
        case 'budget.settled':
          reservedMicroUsd -= event.releasedMicroUsd + event.spentMicroUsd;
          break;
        default:
      }
    }
  }
  if (raised === undefined || completedAt === undefined)
    throw new Error('defect: a story without a blocker, or without its end');
  const raisedIndex = raised.index;
  const helpers = [...help.values()].map((one): HelperFigures => {
    const session = sessions.get(one.sessionId);
    return {
      agent: session?.agent ?? '',
      taskId: one.taskId,
      qualified: one.needs.every((need) => session?.capabilities.has(need) === true),
      handedIn: one.handedIn,
      hours: (one.endedAt - one.leasedAt) / HOUR_MS,
      spentMicroUsd: one.spent,
    };
  });
  const wastedMicroUsd = helpers
    .filter(({ qualified, handedIn }) => !qualified || !handedIn)
    .reduce((sum, one) => sum + one.spentMicroUsd, 0);
  return {
    unblockHours: (completedAt - raised.at) / HOUR_MS,
    entriesToHelp:
      help.size === 0
        ? undefined
        : Math.max(...[...help.values()].map(({ index }) => index - raisedIndex)),
    helpers,
    spentMicroUsd,
    wastedMicroUsd,
    wastePermille: Math.round((wastedMicroUsd * 1_000) / Math.max(1, spentMicroUsd)),
    reservedMicroUsd,
    entries: entries.length,
  };
}

const ended = (one: Help | undefined, at: number, handedIn: boolean): void => {
  if (one === undefined) return;
  one.endedAt = at;
  one.handedIn = handedIn;
};
