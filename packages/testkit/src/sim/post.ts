/** Calls on their way from actors to processes, and answers on their way back: both may get lost. */
import type { Reply } from '@infrafabric/fabric';

import { SimAgent, type Actor, type SimCall, type Wish } from './actors.ts';
import type { SimCounts } from './counts.ts';
import type { Answer, Judge } from './judge.ts';
import type { LogWatch } from './log-watch.ts';
import type { Machine } from './machine.ts';
import { OPERATOR, type SimProcess } from './processes.ts';
import type { Sight } from './sight.ts';

export interface PostParts {
  readonly machine: Machine;
  readonly sight: Sight;
  readonly watch: LogWatch;
  readonly judge: Judge;
  readonly counts: SimCounts;
  readonly trace: (line: () => string) => void;
}

export class Post {
  readonly #parts: PostParts;
  #answers: Answer[] = [];
  #moment = 0;

  constructor(parts: PostParts) {
    this.#parts = parts;
  }

  /** What was answered since the last look. */
  collect(): readonly Answer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  callOf(by: Actor, wish: Wish): SimCall {
    const { sight, machine, watch } = this.#parts;
    const session = by instanceof SimAgent ? by.session : undefined;
    return {
      by,
      op: wish.op,
      input: wish.input,
      key: wish.keyed === false || sight.random.chance(0.1) ? undefined : sight.nextKey(),
      bearer: 'bearer' in wish ? wish.bearer : session,
      lease: wish.lease,
      token: wish.token ?? 'own',
      attempts: 0,
      firstSentAtMs: machine.nowMs,
      sentAtMs: machine.nowMs,
      sizeAtFirst: watch.size,
      calledAt: (this.#moment += 1),
    };
  }

  send(call: SimCall): void {
    const { machine, counts, judge, trace } = this.#parts;
    call.sentAtMs = machine.nowMs;
    const target = this.#target(call);
    if (target === undefined) {
      // Nobody listens.
      call.by.unanswered = call;
      return;
    }
    call.attempts += 1;
    counts.calls += 1;
    if (call.attempts > 1) {
      counts.repeats += 1;
      judge.sentAgain(call);
    }
    call.by.pending = call;
    trace(
      () =>
        `${call.by.name} calls ${call.op} ${JSON.stringify(call.input).slice(0, 150)} #${call.attempts} ${call.token}`,
    );
    if (target.clock.phase === 'running') this.#deliver(call, target);
    else target.inbox.push(call);
  }

  /** A process that was stopped runs again. */
  wake(stopped: SimProcess): void {
    if (stopped.phase === 'dead') return;
    stopped.clock.phase = 'running';
    // What is due comes before what has come: timers first, as an event loop has it.
    stopped.clock.fire();
    for (const call of stopped.inbox.splice(0)) {
      if (call.by.pending === call) this.#deliver(call, stopped);
    }
  }

  /** Who waits waits no longer: the same call may be sent again. */
  giveUp(actor: Actor): void {
    const call = actor.pending;
    if (call === undefined) return;
    actor.pending = undefined;
    actor.unanswered = call;
  }

  /** A deposed leader gets writes only: it has no lease of its leadership, so what it says from memory is worth nothing. */
  #target(call: SimCall): SimProcess | undefined {
    const { leader, former } = this.#parts.machine;
    if (
      former?.fabric !== undefined &&
      call.key !== undefined &&
      this.#parts.sight.random.chance(0.3)
    )
      return former;
    return leader?.phase === 'open' ? leader : undefined;
  }

  #deliver(call: SimCall, to: SimProcess): void {
    const { fabric, surface } = to;
    if (fabric === undefined || surface === undefined) return;
    const said =
      call.bearer === undefined
        ? { kind: 'ok' as const, principal: OPERATOR }
        : fabric.authenticate(call.bearer.token);
    if (said.kind === 'reject') {
      this.#arrived(call, to, said);
      return;
    }
    const options = {
      principal: said.principal,
      ...(call.key === undefined ? {} : { idempotencyKey: call.key }),
    };
    if (call.op === 'tasks.renew') this.#renewing(call);
    surface.call(call.op, call.input, options).then(
      (reply) => {
        this.#arrived(call, to, reply);
      },
      (cause: unknown) => {
        this.#arrived(call, to, {
          kind: 'reject',
          code: 'internal',
          detail: `a call threw: ${String(cause)}`,
        });
      },
    );
  }

  /** A renewal may move the end of a lease on whether or not its answer is ever heard. */
  #renewing({ bearer }: SimCall): void {
    const { watch, machine } = this.#parts;
    for (const task of watch.tasks.values()) {
      if (task.live && task.holder === bearer?.sessionId && machine.nowMs < task.endsBy)
        task.endsBy = machine.nowMs + task.leaseMs;
    }
  }

  #arrived(call: SimCall, from: SimProcess, reply: Reply): void {
    const { machine } = this.#parts;
    if (call.by.pending !== call || from.phase === 'dead') return;
    if (from === machine.leader && machine.medium.isCut) return;
    // On a full disk a leader serves reads of a world that no epoch of its own has fenced yet.
    const isFenced = from.fabric?.leader.phase === 'serving';
    const fromLeader = from === machine.leader && machine.former === undefined && isFenced;
    call.by.pending = undefined;
    this.#answers.push({ call, reply, returnedAt: (this.#moment += 1), fromLeader });
  }
}
