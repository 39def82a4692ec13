/** What the runner knows of its plan: folded from the feed, for the view and for the summary. */
import type { FeedItem, OutputOf } from '@infrafabric/protocol';

type Counts = OutputOf<'plans.show'>['counts'];

export interface RunningTask {
  readonly taskId: string;
  readonly agent: string;
  readonly attempt: number;
  /** By this machine's monotonic clock, ms. */
  readonly since: number;
  readonly line: string;
}

/** A fact worth a line: what a person who watches wants to know. */
export interface Notice {
  readonly tone: 'good' | 'bad' | 'plain';
  readonly what: string;
  readonly taskId: string | undefined;
  readonly detail: string;
}

/** Refusals and failures that the view shows; older ones are in the log. */
const TROUBLES_MAX = 4;

export class Board {
  readonly #agentOf: (sessionId: string) => string;
  readonly #phases = new Map<string, string>();
  /** Kept beside the map: a large plan is counted with every line that is shown. */
  readonly #counts = new Map<string, number>();
  readonly #running = new Map<string, RunningTask & { readonly sessionId: string }>();
  readonly #troubles: Notice[] = [];
  readonly title: string;

  constructor(title: string, agentOf: (sessionId: string) => string) {
    this.title = title;
    this.#agentOf = agentOf;
  }

  /** As it stood before the first event. */
  begin(tasks: readonly { readonly taskId: string; readonly phase: string }[]): void {
    for (const { taskId, phase } of tasks) this.#set(taskId, phase);
  }

  get total(): number {
    return this.#phases.size;
  }

  count(phase: keyof Counts): number {
    return this.#counts.get(phase) ?? 0;
  }

  get running(): readonly RunningTask[] {
    return [...this.#running.values()];
  }

  get troubles(): readonly Notice[] {
    return this.#troubles;
  }

  /** Takes an event of the plan; answers what to say of it, if anything. */
  take({ type, event, session }: FeedItem): Notice | undefined {
    const taskId = textOf(event['taskId']);
    const notice = this.#fold(type, {
      event,
      taskId,
      sessionId: textOf(event['sessionId']) ?? session,
    });
    if (notice?.tone === 'bad') {
      this.#troubles.push(notice);
      if (this.#troubles.length > TROUBLES_MAX) this.#troubles.shift();
    }
    return notice;
  }

  #fold(type: string, { event, taskId, sessionId }: Told): Notice | undefined {
    const say = (tone: Notice['tone'], what: string, detail = ''): Notice => ({
      tone,
      what,
      taskId,
      detail,
    });
    const reason = textOf(event['reason']) ?? '';
    if (taskId === undefined) return this.#foldPlan(type, event, say);
    switch (type) {
      case 'task.leased':
        this.#lease(taskId, sessionId ?? '', Number(event['attempt']));
        return say('plain', 'started', this.#agentOf(sessionId ?? ''));
      case 'task.progressed':
        this.#progress(taskId, textOf(event['note']));
        return undefined;
      case 'task.completed':
      case 'task.accepted':
        this.#to(taskId, 'done');
        return say('good', 'done');
      case 'task.submitted':
        this.#to(taskId, 'submitted');
        return say('plain', 'submitted', 'waits for its gates');
      case 'task.released':
        this.#to(taskId, 'ready');
        return say('plain', 'released', reason);
      case 'task.failed':
      case 'task.rejected':
        this.#to(taskId, 'ready');
        return say('bad', type === 'task.failed' ? 'failed' : 'sent back', reason);
      case 'lease.expired':
        this.#to(taskId, 'ready');
        return say('bad', 'expired', `${this.#agentOf(sessionId ?? '')} did not renew its lease`);
      case 'task.parked':
        this.#to(taskId, 'parked');
        return say('bad', 'parked', reason);
      case 'task.cancelled':
        this.#to(taskId, 'cancelled');
        return say('plain', 'cancelled', reason);
      case 'task.unparked':
        this.#to(taskId, 'ready');
        return say('plain', 'unparked');
      case 'blocker.raised':
        if (event['released'] === true) this.#to(taskId, 'blocked');
        return say('bad', 'blocked', textOf(event['title']));
      case 'write.refused':
        return say(
          'bad',
          'refused',
          `${String(event['op'])}: ${String(event['code'])}, fence ${String(event['fence'])}`,
        );
      default:
        return undefined;
    }
  }

  #foldPlan(
    type: string,
    event: FeedItem['event'],
    say: (tone: Notice['tone'], what: string, detail?: string) => Notice,
  ): Notice | undefined {
    const phase = textOf(event['phase']) ?? '';
    switch (type) {
      case 'phase.opened':
        return say('plain', 'phase opened', phase);
      case 'phase.passed':
        return say('good', 'phase passed', phase);
      case 'phase.approved':
        return say('good', 'phase approved', `${phase} by ${String(event['by'])}`);
      case 'phase.checked':
        return say(
          event['ok'] === true ? 'good' : 'bad',
          'phase checked',
          `${phase}: ${String(event['name'])}`,
        );
      default:
        return undefined;
    }
  }

  #lease(taskId: string, sessionId: string, attempt: number): void {
    this.#set(taskId, 'leased');
    const agent = this.#agentOf(sessionId);
    const since = performance.now();
    this.#running.set(taskId, { taskId, sessionId, agent, attempt, since, line: '' });
  }

  #progress(taskId: string, line: string | undefined): void {
    const running = this.#running.get(taskId);
    if (running !== undefined && line !== undefined)
      this.#running.set(taskId, { ...running, line });
  }

  #to(taskId: string, phase: string): void {
    this.#set(taskId, phase);
    this.#running.delete(taskId);
  }

  #set(taskId: string, phase: string): void {
    const before = this.#phases.get(taskId);
    if (before !== undefined) this.#counts.set(before, (this.#counts.get(before) ?? 0) - 1);
    this.#counts.set(phase, (this.#counts.get(phase) ?? 0) + 1);
    this.#phases.set(taskId, phase);
  }
}

interface Told {
  readonly event: FeedItem['event'];
  readonly taskId: string | undefined;
  readonly sessionId: string | undefined;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;
