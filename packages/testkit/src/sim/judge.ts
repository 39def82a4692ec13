/**
 * Holds every answer of a simulated fabric to the log and to what was answered before:
 *
 * A1  What is acknowledged is in the log, where the answer says, as the caller asked for it.
 * A2  One idempotency key is never answered in two ways, and never committed after a final no.
 * A3  A refusal rests on what the log holds, not on what was lost.
 * A4  Forged, foreign and stale tokens write nothing; the holder's own token is never called stale.
 * A5  Nothing is accepted from a holder whose lease has ended by time (C3).
 */
import type { Grant } from '@infrafabric/protocol';
import { idempotencyDigest, type Committed, type Reply } from '@infrafabric/fabric';

import { SimAgent, type SimCall } from './actors.ts';
import { TaskHistories } from './history.ts';
import { IDEMPOTENCY_WINDOW_MS, type LogWatch } from './log-watch.ts';

export interface Answer {
  readonly call: SimCall;
  readonly reply: Reply;
  /** Moment of the history at which it came. */
  readonly returnedAt: number;
  /** Whether who answered was the leader by the log. */
  readonly fromLeader: boolean;
}

interface Kept {
  readonly index: number;
  readonly tokens: string;
}

/** Answers that settle nothing: the same call may be sent again and end otherwise. */
const TRANSIENT = /^(?:log\.|fabric\.|auth\.)/;

/** What the log keeps of a refusal. */
const REFUSALS: ReadonlySet<string> = new Set(['write.refused', 'claim.refused', 'policy.denied']);

export class Judge {
  readonly histories = new TaskHistories();
  readonly #watch: LogWatch;
  readonly #broken: (law: string) => never;
  #unseen: Answer[] = [];
  readonly #answered = new Map<string, Kept>();
  readonly #finalNo = new Map<string, string>();

  constructor(watch: LogWatch, broken: (law: string) => never) {
    this.#watch = watch;
    this.#broken = broken;
  }

  /** The caller tries again with the same key: an earlier no is no longer final. */
  sentAgain(call: SimCall): void {
    if (call.key !== undefined) this.#finalNo.delete(digestOf(call));
  }

  /** Judges an answer; the watch has read the log as far as it can be read. */
  take(answer: Answer): void {
    const { call, reply } = answer;
    if (reply.kind === 'reject') this.#refused(answer, reply);
    else if (reply.index === undefined) this.#unchanged(answer, reply.output);
    else {
      this.#unseen.push(answer);
      if (call.token === 'forged' || call.token === 'foreign')
        this.#broken(`A4: ${call.op} was accepted with a ${call.token} token`);
    }
  }

  /** Holds what was acknowledged to the log, once the log is readable. */
  settle(): void {
    const unseen = this.#unseen;
    this.#unseen = [];
    for (const answer of unseen) this.#acknowledged(answer);
  }

  /** At the end: what was refused for good is not in the log, and every history has an order. */
  end(): void {
    for (const [key, why] of this.#finalNo) {
      const entry = this.#watch.byKey.get(key);
      if (entry !== undefined && !REFUSALS.has(entry.events[0]?.type ?? ''))
        this.#broken(`A2: entry ${entry.index} (${entry.op}) was refused: ${why}`);
    }
    const [fault] = this.histories.faults(this.#watch.entries);
    if (fault !== undefined) this.#broken(fault);
  }

  #acknowledged({ call, reply, returnedAt }: Answer): void {
    if (reply.kind !== 'ok' || reply.index === undefined) return;
    const entry = this.#watch.entries[reply.index];
    if (entry === undefined)
      this.#broken(
        `A1: ${call.op} was acknowledged as entry ${reply.index}, which is not in the log`,
      );
    const isPushed = isPush(call, entry);
    if (!isPushed) this.#compare(call, entry);
    const tokens = tokensOf(reply.output);
    // What came by another's entry is not kept under the key of who waited for it.
    if (call.key !== undefined && !isPushed) {
      const key = digestOf(call);
      const before = this.#answered.get(key);
      if (
        before !== undefined &&
        this.#isKept(before) &&
        (before.index !== reply.index || before.tokens !== tokens)
      )
        this.#broken(`A2: ${call.op} was answered twice: ${JSON.stringify([before, reply])}`);
      this.#answered.set(key, { index: reply.index, tokens });
    }
    this.histories.told(entry, { calledAt: call.calledAt, returnedAt });
    this.#late(call);
    for (const grant of grantsIn(reply.output)) this.#grant(call, grant, entry);
  }

  #compare(call: SimCall, entry: Committed): void {
    if (entry.op !== call.op || entry.session !== call.bearer?.sessionId)
      this.#broken(
        `A1: ${call.op} of ${call.by.name} was acknowledged as entry ${entry.index}, ` +
          `which is ${entry.op} of ${entry.principal}`,
      );
    if (entry.index < call.sizeAtFirst)
      this.#broken(`A1: ${call.op} became entry ${entry.index}, older than its call`);
    if (call.lease === undefined) return;
    for (const event of entry.events) {
      const isWrite = 'fence' in event && event.type !== 'task.leased';
      if (isWrite && event.taskId === call.lease.taskId && event.fence !== call.lease.fence)
        this.#broken(`A4: ${call.op} with fence ${call.lease.fence} was taken for ${event.fence}`);
    }
  }

  #late({ lease, op, firstSentAtMs }: SimCall): void {
    if (lease === undefined) return;
    const { fence, endsBy } = this.#watch.watched(lease.taskId);
    if (fence === lease.fence && firstSentAtMs >= endsBy)
      this.#broken(
        `A5: ${op} of ${lease.taskId} was sent at ${firstSentAtMs}, its lease had ended at ${endsBy}`,
      );
  }

  #grant(call: SimCall, grant: Grant, entry: Committed): void {
    const event = [entry, ...this.#watch.entries.filter((one) => isPush(call, one))]
      .flatMap(({ events }) => events)
      .find((one) => one.type === 'task.leased' && one.taskId === grant.taskId);
    if (event?.type !== 'task.leased' || event.fence !== grant.fence)
      this.#broken(
        `A1: entry ${entry.index} does not grant fence ${grant.fence} of ${grant.taskId}`,
      );
    if (event.sessionId !== call.bearer?.sessionId)
      this.#broken(`A1: ${call.by.name} was told of a grant to ${event.sessionId}`);
    const watch = this.#watch.watched(grant.taskId);
    if (watch.fence === grant.fence && watch.live)
      watch.holderUntil = Math.max(watch.holderUntil, call.firstSentAtMs + grant.leaseMs);
  }

  #unchanged({ call, fromLeader }: Answer, output: unknown): void {
    if (call.op === 'tasks.renew') this.#renewed(call, output, fromLeader);
    if (!fromLeader) return;
    for (const grant of grantsIn(output)) {
      // It may have ended since it was confirmed; that it was granted stays true.
      const { fence, holder, holders } = this.#watch.watched(grant.taskId);
      const sessionId = call.bearer?.sessionId ?? '';
      const isKnown = fence === grant.fence ? holder === sessionId : fence > grant.fence;
      if (!isKnown || !holders.has(sessionId))
        this.#broken(
          `A1: ${call.op} confirmed fence ${grant.fence} of ${grant.taskId}, which ${sessionId} never had`,
        );
    }
  }

  #renewed(call: SimCall, output: unknown, fromLeader: boolean): void {
    if (!(call.by instanceof SimAgent)) return;
    const { renewed, lost } = trustedOutput<{
      renewed: readonly { taskId: string }[];
      lost: readonly { taskId: string }[];
    }>(output);
    for (const { taskId } of renewed) {
      const watch = this.#watch.watched(taskId);
      const lease = call.by.held.get(taskId);
      const isHeld = watch.live && watch.holder === call.bearer?.sessionId;
      if (fromLeader && isHeld && lease?.fence === watch.fence)
        watch.holderUntil = Math.max(watch.holderUntil, call.sentAtMs + watch.leaseMs);
    }
    for (const { taskId } of lost) {
      const watch = this.#watch.watched(taskId);
      const lease = call.by.held.get(taskId);
      if (
        fromLeader &&
        watch.live &&
        lease?.fence === watch.fence &&
        watch.holder === call.bearer?.sessionId
      )
        this.#broken(`A4: the lease of ${taskId} was called lost while the log has it`);
    }
  }

  #refused(answer: Answer, reply: Extract<Reply, { readonly kind: 'reject' }>): void {
    const { call, fromLeader } = answer;
    const { code } = reply;
    if (code === 'internal' || code === 'request.invalid' || code === 'request.key_reused')
      this.#broken(`${call.op} was answered by ${code}: ${reply.detail}`);
    this.#finality(call, code);
    if (TRANSIENT.test(code)) return;
    if (call.token === 'forged' && code !== 'lease.forged')
      this.#broken(`A4: a forged token was answered by ${code}`);
    if (fromLeader) this.#grounds(answer, reply);
  }

  #finality(call: SimCall, code: string): void {
    if (call.key === undefined) return;
    const key = digestOf(call);
    const before = this.#answered.get(key);
    if (before !== undefined && this.#isKept(before) && !TRANSIENT.test(code))
      this.#broken(`A2: ${call.op} was acknowledged, and then refused by ${code}`);
    if (call.attempts === 1 && code !== 'log.outcome_unknown') this.#finalNo.set(key, code);
    else this.#finalNo.delete(key);
  }

  /** Wall clocks that jump age a key by days. */
  #isKept({ index }: Kept): boolean {
    const { entries } = this.#watch;
    const since = entries[index]?.at ?? 0;
    return (entries.at(-1)?.at ?? 0) < since + IDEMPOTENCY_WINDOW_MS;
  }

  /** What a refusal says of a task must be what the log says. */
  #grounds(
    { call, returnedAt }: Answer,
    { code, facts }: Extract<Reply, { kind: 'reject' }>,
  ): void {
    const taskId = String(call.lease?.taskId ?? call.input['taskId']);
    const watch = this.#watch.watched(taskId);
    const interval = { calledAt: call.calledAt, returnedAt };
    switch (code) {
      case 'task.leased': {
        const holder = trustedOutput<{ sessionId: string }>(facts?.['holder']).sessionId;
        if (!watch.holders.has(holder))
          this.#broken(
            `A3: ${taskId} was refused as held by ${holder}, whom the log does not know`,
          );
        this.histories.refused(taskId, { kind: 'refused', why: 'leased', fence: 0 }, interval);
        break;
      }
      case 'task.done':
        if (!watch.done) this.#broken(`A3: ${taskId} was refused as done; the log does not say so`);
        this.histories.refused(taskId, { kind: 'refused', why: 'done', fence: 0 }, interval);
        break;
      case 'lease.stale': {
        const fence = call.lease?.fence ?? 0;
        if (watch.live && watch.fence === fence && watch.holder === call.bearer?.sessionId)
          this.#broken(
            `A4: ${call.op} of ${taskId} was called stale; the log says that it is held`,
          );
        this.histories.refused(taskId, { kind: 'refused', why: 'stale', fence }, interval);
        break;
      }
      default:
    }
  }
}

/** Help is leased to who waits for work by the entry that raises its blocker. */
const isPush = (call: SimCall, { op, events }: Committed): boolean =>
  call.op === 'tasks.next' &&
  call.input['waitMs'] !== undefined &&
  op === 'blockers.raise' &&
  events.some((one) => one.type === 'task.leased' && one.sessionId === call.bearer?.sessionId);

const digestOf = (call: SimCall): string =>
  idempotencyDigest(call.bearer === undefined ? 'operator' : principalOf(call), call.key ?? '');

/** Sessions of one agent's name share the name as principal. */
const principalOf = (call: SimCall): string => call.by.name.split('~')[0] ?? '';

export const grantsIn = (output: unknown): readonly Grant[] => {
  if (typeof output !== 'object' || output === null) return [];
  if ('grants' in output) return trustedOutput<{ grants?: readonly Grant[] }>(output).grants ?? [];
  return 'fencingToken' in output ? [trustedOutput<Grant>(output)] : [];
};

const tokensOf = (output: unknown): string =>
  grantsIn(output)
    .map(({ fencingToken }) => fencingToken)
    .join(' ');

/** An output of the operation that was called: the registry's types say what it is. */
export const trustedOutput = <T>(output: unknown): T => output as T;
