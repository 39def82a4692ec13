/**
 * Looks after one plan while sessions work on it: verdicts, checks and approvals, and whether anything is left to do.
 *
 * S1  One look at a time; an event during a look brings another one.
 * S2  The run is over when the plan is done, or when nothing runs, nothing can be taken and nothing is to be judged.
 */
import type { OutputOf, PlanSpec } from '@infrafabric/protocol';
import { FabricError } from '@infrafabric/sdk';
import type { Client, Session } from '@infrafabric/sdk';
import type { AttemptParts } from './attempt.ts';
import { readyTasks } from './leases.ts';
import { checkPhase, judge } from './verdicts.ts';
import type { Phase } from './verdicts.ts';

export type PlanView = OutputOf<'plans.show'>;

/** Why the supervisor stopped looking. */
export interface Settled {
  readonly plan: PlanView;
  /** What stands in the way of the rest, for people. */
  readonly left: readonly string[];
}

export interface SupervisorOptions {
  readonly client: Client;
  readonly session: Session;
  readonly plan: PlanSpec;
  readonly parts: AttemptParts;
  readonly suits: (key: string) => boolean;
  /** Sessions of this runner that do a task now. */
  readonly working: () => number;
  /** Whether the operator approves; asked once for each phase. */
  readonly approves: (phase: Phase) => Promise<boolean>;
  readonly isDraining: () => boolean;
}

/** Looks again even where no event said so, ms: another runner's lease may end in silence. */
const LOOK_EVERY_MS = 1_000;
/** Parked tasks that are named. */
const PARKED_NAMED_MAX = 5;
/** Events of one burst are looked at together, ms. */
const GATHER_MS = 50;
/** Pause between two looks, in lengths of the last answer: it costs the leader a walk over the plan. */
const LOOK_SHARE = 10;

export class Supervisor {
  readonly settled: Promise<Settled>;
  readonly #options: SupervisorOptions;
  readonly #redChecks = new Map<string, string>();
  readonly #asked = new Set<string>();
  #isLooking = false;
  #pauseMs = GATHER_MS;
  #isPoked = false;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settle: (settled: Settled) => void = () => undefined;
  #fail: (cause: unknown) => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.settled = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.poke();
  }

  /** Something changed. Cheap: looks are gathered. */
  poke(): void {
    const wasPoked = this.#isPoked;
    this.#isPoked = true;
    // A timer that is armed for a poke already is not put off by the next one.
    if (!this.#isLooking && !wasPoked) this.#arm(this.#pauseMs);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#lookSafely(), ms);
  }

  async #lookSafely(): Promise<void> {
    this.#isLooking = true;
    this.#isPoked = false;
    try {
      const settled = await this.#look();
      if (settled !== undefined) {
        this.stop();
        this.#settle(settled);
      }
    } catch (cause) {
      // Away or busy: it is looked at again. Anything else ends the run.
      if (!(cause instanceof FabricError && cause.remedy === 'retry-later')) {
        this.stop();
        this.#fail(cause);
      }
    } finally {
      this.#isLooking = false;
      this.#arm(this.#isPoked ? this.#pauseMs : LOOK_EVERY_MS);
    }
  }

  async #look(): Promise<Settled | undefined> {
    const { client, plan, isDraining } = this.#options;
    const startedAt = performance.now();
    const view = await client.call('plans.show', { planId: plan.id });
    const walkMs = performance.now() - startedAt;
    this.#pauseMs = Math.min(LOOK_EVERY_MS, Math.max(GATHER_MS, walkMs * LOOK_SHARE));
    if (isDraining()) return undefined;
    if (view.counts.submitted > 0 && (await this.#judgeAll())) return this.#again();
    const red = await this.#checkPhases(view);
    const waiting = await this.#approvePhases(view);
    if (red === 'changed' || waiting === 'changed') return this.#again();
    if (await this.#isBusy(view)) return undefined;
    const parked = await this.#parkedWords(view);
    return { plan: view, left: leftOf(view, [...red, ...waiting, ...parked]) };
  }

  /** Each with the command that takes it up again, for as many as a person reads. */
  async #parkedWords({ counts }: PlanView): Promise<readonly string[]> {
    const { client, plan } = this.#options;
    if (counts.parked === 0) return [];
    const { tasks } = await client.call('tasks.list', {
      planId: plan.id,
      phase: 'parked',
      limit: PARKED_NAMED_MAX,
    });
    const more = counts.parked - tasks.length;
    return [
      ...tasks.map(
        ({ taskId }) =>
          `${taskId} is parked: ifab task show ${taskId} says why, ifab task unpark ${taskId} tries again`,
      ),
      ...(more > 0 ? [`${more} more are parked: ifab task list`] : []),
    ];
  }

  /**
   * S2, on one picture: what was taken and done between the first look and this one changed the counts, so counts that
   * are equal around the look at what can be taken say that nothing happened.
   */
  async #isBusy(view: PlanView): Promise<boolean> {
    const { client, plan, working } = this.#options;
    if (working() > 0 || view.counts.leased > 0 || (await this.#isTakeable(view))) return true;
    const { counts } = await client.call('plans.show', { planId: plan.id });
    return working() > 0 || this.#isPoked || JSON.stringify(counts) !== JSON.stringify(view.counts);
  }

  #again(): undefined {
    this.#isPoked = true;
    return undefined;
  }

  async #judgeAll(): Promise<boolean> {
    const { client, session, plan, parts } = this.#options;
    const { tasks } = await client.call('tasks.list', { planId: plan.id, phase: 'submitted' });
    let judged = false;
    for (const { taskId } of tasks) judged = (await judge(session, taskId, parts)) || judged;
    return judged;
  }

  async #checkPhases(view: PlanView): Promise<'changed' | readonly string[]> {
    const { session, plan, parts } = this.#options;
    const red: string[] = [];
    for (const phase of view.phases) {
      const isDue = phase.status === 'open' && phase.tasksLeft === 0;
      if (!isDue || phase.checks.every(({ ok }) => ok === true)) continue;
      const gates = plan.phases?.find(({ id }) => id === phase.id)?.gate?.checks ?? [];
      // V2: what was red stays red until the counts of the plan are others.
      const stand = JSON.stringify(view.counts);
      if (this.#redChecks.get(phase.id) !== stand) {
        const failed = await checkPhase(session, { planId: plan.id, phase, gates }, parts);
        if (failed.length === 0) return 'changed';
        this.#redChecks.set(phase.id, stand);
      }
      red.push(`phase ${phase.id} waits for its checks`);
    }
    return red;
  }

  async #approvePhases(view: PlanView): Promise<'changed' | readonly string[]> {
    const { client, plan, approves } = this.#options;
    const waiting: string[] = [];
    for (const phase of view.phases.filter((one) => waitsForApproval(one, view))) {
      if (!this.#asked.has(phase.id)) {
        this.#asked.add(phase.id);
        if (await approves(phase)) {
          await client.call('phases.approve', {
            planId: plan.id,
            phase: phase.id,
            reason: 'approved for this run',
          });
          return 'changed';
        }
      }
      waiting.push(
        `phase ${phase.id} waits for an operator: ifab phase approve ${plan.id} ${phase.id}`,
      );
    }
    return waiting;
  }

  async #isTakeable(view: PlanView): Promise<boolean> {
    const { client, plan, suits } = this.#options;
    if (view.counts.ready === 0 || view.status === 'paused' || view.status === 'cancelled')
      return false;
    const ready = await readyTasks(client, plan.id);
    return ready.some((taskId) => suits(taskId.slice(plan.id.length + 1)));
  }
}

function waitsForApproval(phase: Phase, { phases }: PlanView): boolean {
  if (phase.approvals.length >= phase.approvalsNeeded) return false;
  const isPassed = (key: string): boolean =>
    phases.find(({ id }) => id === key)?.status === 'passed';
  if (phase.status === 'closed') {
    return phase.autonomous && phase.approvals.length === 0 && phase.after.every(isPassed);
  }
  return phase.status === 'open' && phase.tasksLeft === 0;
}

function leftOf({ counts, status }: PlanView, stops: readonly string[]): readonly string[] {
  const left = [...stops];
  if (status === 'paused') left.push('the plan is paused');
  if (status === 'cancelled') left.push('the plan was cancelled');
  if (counts.blocked > 0) left.push(`blocked: ${counts.blocked}`);
  if (counts.submitted > 0) left.push(`waiting for a verdict: ${counts.submitted}`);
  if (counts.ready > 0 && status === 'active') {
    left.push(
      `ready, and not for this runner: ${counts.ready}; agents can do what names no command, --simulate plays it`,
    );
  }
  if (counts.waiting > 0) left.push(`waiting for others: ${counts.waiting}`);
  return left;
}
