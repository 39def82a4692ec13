/**
 * Dispatch: what stands between a surface and the leader. Authenticated, parsed, allowed, decided, answered; the
 * same for every operation and every surface (docs/guides/engine.md).
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import {
  findOperation,
  reject,
  type Grant,
  type Operation,
  type OperationName,
  type ParsedOf,
  type Rejection,
} from '@infrafabric/protocol';
import { helpCandidates, sessionOf } from '@infrafabric/core';
import type { z } from 'zod';

import { Fault } from '../fault.ts';
import { grantsOf } from '../rooms/coordinator-replies.ts';
import { REPLIES, SOFTS } from '../rooms/index.ts';
import { trusted, type ReadName, type Reads, type RoomContext } from '../rooms/room.ts';
import type { Call, Committed, OnOutcome, Outcome, Submission } from './call.ts';
import { canonicalText, NotCanonical } from './canonical.ts';
import type { Clock } from './clock.ts';
import type { Authenticated, CallOptions, Principal, Reply, WaitFor } from './fabric.ts';
import { keptRefusal } from './kept-refusal.ts';
import type { Leader } from './leader.ts';
import { ISSUES_MAX } from './limits.ts';
import type { Log, Random } from './ports.ts';
import { costOf, costOfFile, overQuota, WriteQuota, type Cost } from './quota.ts';
import type { View } from './term-parts.ts';
import type { Tickets } from './tickets.ts';
import { EXPIRED, idempotencyDigest, type Tokens } from './tokens.ts';

export interface DispatchParts {
  readonly leader: Leader;
  readonly tickets: Tickets;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly reads: Reads<ReadName>;
}

type Parsed = Readonly<Record<string, unknown>>;

export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #quota = new WriteQuota();
  #context: RoomContext | undefined;
  #view: View | undefined;

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** See `Fabric.authenticate`. */
  authenticate(bearer: string | undefined): Authenticated | Rejection {
    const { tokens, clock } = this.#parts;
    const borne = tokens.readBearer(bearer, clock.now());
    if (borne.kind === 'reject') return borne;
    if (borne.kind === 'operator') {
      return { kind: 'ok', principal: { cred: 'operator', name: 'operator', role: 'operator' } };
    }
    const context = this.#contextNow();
    if ('kind' in context) return context;
    const session = sessionOf(context.world, borne.sessionId);
    if (session === undefined || session.closed !== undefined) return ENDED;
    return {
      kind: 'ok',
      principal: {
        cred: 'session',
        name: session.agent,
        session: trusted(session.id),
        role: session.role,
        expiresAt: borne.expiresAt,
      },
    };
  }

  /** See `Fabric.recheck`. */
  recheck(principal: Principal): Authenticated | Rejection {
    const { expiresAt, session } = principal;
    if (expiresAt !== undefined && expiresAt <= this.#parts.clock.now()) return EXPIRED;
    const context = this.#contextNow();
    // A leader that rebuilds cannot say; what it decides then it checks by itself.
    if (session === undefined || 'kind' in context) return { kind: 'ok', principal };
    const known = sessionOf(context.world, session);
    return known === undefined || known.closed !== undefined ? ENDED : { kind: 'ok', principal };
  }

  /** See `Fabric.spend`. */
  spend(principal: Principal, bytes: number): Rejection | undefined {
    return this.#take(principal, costOfFile(bytes));
  }

  /** See `Fabric.call`. */
  async call(op: string, input: unknown, options: CallOptions): Promise<Reply> {
    try {
      const operation = findOperation(op);
      if (operation === undefined) {
        return reject('request.unknown_operation', `There is no operation ${op.slice(0, 100)}.`);
      }
      const { principal } = options;
      if (!operation.callers.includes(principal.role)) {
        return reject('auth.forbidden', `A ${principal.role} may not call ${op}.`, {
          callers: operation.callers,
        });
      }
      const parsed = operation.input.safeParse(input);
      if (!parsed.success) return invalid(op, parsed.error.issues);
      return await this.#dispatch(operation, trusted<Parsed>(parsed.data), options);
    } catch (cause) {
      return this.#refusalOf(cause, op);
    }
  }

  /** See `Fabric.wait`. */
  wait(
    sessionId: string,
    { count, planId, leaseMs }: WaitFor,
    onGrant: (grants: readonly Grant[]) => void,
    onEnd: (why: Rejection) => void,
  ): () => void {
    const context = this.#contextNow();
    const session = 'kind' in context ? undefined : sessionOf(context.world, sessionId);
    if (session === undefined) {
      onEnd(
        'kind' in context
          ? context
          : reject('session.not_found', `There is no session ${sessionId}.`),
      );
      return () => undefined;
    }
    const args = trusted<ParsedOf<'tasks.next'>>({
      sessionId,
      ...(count === undefined ? {} : { count }),
      ...(leaseMs === undefined ? {} : { leaseMs }),
      ...(planId === undefined ? {} : { planId }),
    });
    const call: Submission = {
      op: 'tasks.next',
      args,
      cred: 'session',
      principal: session.agent,
      session: sessionId,
    };
    return this.#parts.tickets.add({
      sessionId,
      planId,
      call,
      kind: 'standing',
      on: (outcome) => {
        const reply = this.#replyTo(outcome);
        if (reply.kind === 'ok') onGrant(trusted<{ grants: Grant[] }>(reply.output).grants);
        else onEnd(reply);
      },
    });
  }

  #dispatch(operation: Operation, parsed: Parsed, options: CallOptions): Reply | Promise<Reply> {
    const { principal } = options;
    const op = trusted<OperationName>(operation.name);
    const refusal =
      operation.effect === 'read' ? undefined : whyNotThis(principal, parsed['sessionId']);
    if (refusal !== undefined) return refusal;
    return operation.effect === 'write'
      ? this.#writeCall(op, parsed, options)
      : this.#readCall(op, operation.effect, { parsed, principal });
  }

  async #readCall(
    op: OperationName,
    effect: 'read' | 'soft',
    { parsed, principal }: { readonly parsed: Parsed; readonly principal: Principal },
  ): Promise<Reply> {
    this.#parts.leader.expireDue();
    const context = this.#contextNow();
    if ('kind' in context) return context;
    this.#seen(principal, 'heartbeat', context);
    const output =
      effect === 'soft'
        ? trusted<Handler>(SOFTS[trusted<keyof typeof SOFTS>(op)])(parsed, context, principal)
        : trusted<Handler>(this.#parts.reads[trusted<ReadName>(op)])(parsed, context, principal);
    // Taken before any wait: the answer rests on what is decided by now, so it waits for that to be durable.
    const durable = this.#whenDurable();
    const result = await output;
    return (await durable) ?? (isRejection(result) ? result : { kind: 'ok', output: result });
  }

  /** The hot path: one promise a call, which the leader's answer settles. */
  #writeCall(op: OperationName, parsed: Parsed, options: CallOptions): Reply | Promise<Reply> {
    const { principal, idempotencyKey, trace } = options;
    const args = this.#journaled(op, parsed);
    if (isRejection(args)) return args;
    const holder = fenceHolder(args);
    const refusal =
      (holder === undefined ? undefined : whyNotThis(principal, holder)) ??
      (principal.cred === 'operator' ? undefined : this.#take(principal, costOf(op, args)));
    if (refusal !== undefined) return refusal;
    const submission: Submission = {
      ...trusted<Call>({ op, args }),
      cred: principal.cred,
      principal: principal.name,
      ...(principal.session === undefined ? {} : { session: principal.session }),
      ...(idempotencyKey === undefined
        ? {}
        : { idem: idempotencyDigest(principal.name, idempotencyKey) }),
      ...(trace === undefined ? {} : { trace }),
    };
    return new Promise((resolve) => {
      this.#parts.leader.submit(submission, (outcome) => {
        try {
          resolve(this.#written(submission, outcome, { parsed, options }));
        } catch (cause) {
          resolve(this.#refusalOf(cause, op));
        }
      });
    });
  }

  #written(
    call: Submission,
    outcome: Outcome,
    { parsed, options }: { readonly parsed: Parsed; readonly options: CallOptions },
  ): Reply | Promise<Reply> {
    const context = this.#contextNow();
    if ('world' in context) this.#seen(options.principal, 'tool', context);
    const waitMs = parsed['waitMs'];
    const waits = outcome.kind === 'unchanged' && call.op === 'tasks.next';
    if (!waits || typeof waitMs !== 'number' || waitMs <= 0) return this.#replyTo(outcome);
    return this.#ticket(call, waitMs, options.signal).then((later) => this.#replyTo(later));
  }

  /** Waits for a lease, for `waitMs` at most. A wait that is cut short leaves a lease that was decided by then. */
  #ticket(call: Submission, waitMs: number, signal: AbortSignal | undefined): Promise<Outcome> {
    const { tickets, clock } = this.#parts;
    const args = trusted<ParsedOf<'tasks.next'>>(call.args);
    return new Promise((resolve) => {
      const end: OnOutcome = (outcome) => {
        disarm();
        signal?.removeEventListener('abort', stop);
        resolve(outcome);
      };
      const stop = (): void => {
        // What is on its way to disk is still told: only a ticket that waits is taken back.
        if (take()) end({ kind: 'unchanged', output: { grants: [] } });
      };
      let disarm = (): void => undefined;
      const take = tickets.add({
        sessionId: args.sessionId,
        planId: args.planId,
        call,
        kind: 'once',
        on: end,
      });
      disarm = clock.setTimer(clock.monotonic() + waitMs, stop);
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted === true) stop();
    });
  }

  /** Arguments as they are journaled: a fencing token becomes what it says, a wait stays at the edge. */
  #journaled(op: OperationName, parsed: Parsed): Parsed | Rejection {
    const { fencingToken, waitMs: _waitMs, ...args } = parsed;
    if (typeof fencingToken === 'string') {
      const fence = this.#parts.tokens.readFencingToken(String(parsed['taskId']), fencingToken);
      if (isRejection(fence)) return fence;
      return op === 'blockers.raise'
        ? { ...args, fence, waiting: this.#waitingFor(trusted(args['needs'] ?? [])) }
        : { ...args, fence };
    }
    if (op === 'plans.submit') return { ...args, digest: digestOf(args['plan']) };
    if (op === 'contracts.accept') return { ...args, digest: digestOf(args['contract']) };
    return op === 'policies.set' ? { ...args, digest: digestOf(args['policy']) } : args;
  }

  /** Who waits and could help: the log does not know it, so the call says it. */
  #waitingFor(needs: readonly string[]): readonly string[] {
    const context = this.#contextNow();
    const { tickets } = this.#parts;
    return 'kind' in context ? [] : helpCandidates(context.world, needs, tickets.waiting);
  }

  #whenDurable(): Promise<Rejection | undefined> {
    const term = this.#parts.leader.view();
    if ('kind' in term) return Promise.resolve(term);
    return new Promise((resolve) => {
      term.whenDurable({ kind: 'unchanged', output: undefined }, (outcome) => {
        resolve(outcome.kind === 'reject' ? outcome : undefined);
      });
    });
  }

  #replyTo(outcome: Outcome): Reply {
    switch (outcome.kind) {
      case 'reject':
        return outcome;
      case 'unchanged':
        return { kind: 'ok', output: outcome.output };
      case 'done':
        return { kind: 'ok', output: outcome.output, index: outcome.entry.index };
      case 'committed':
        return this.#replyFrom(outcome);
    }
  }

  #replyFrom(entry: Committed): Reply {
    const refused = keptRefusal(entry);
    if (refused !== undefined) return refused;
    const context = this.#contextNow(this.#parts.leader.viewOfCommitted());
    if ('kind' in context) return context;
    const output =
      entry.op === 'tasks.next'
        ? { grants: grantsOf(entry, context) }
        : REPLIES[entry.op](entry, context);
    return { kind: 'ok', output, index: entry.index };
  }

  #contextNow(view = this.#parts.leader.view()): RoomContext | Rejection {
    if ('kind' in view) return view;
    if (view !== this.#view || this.#context === undefined) {
      const { tokens, clock } = this.#parts;
      this.#view = view;
      this.#context = { world: view.world, presence: view.presence, now: view.now, tokens, clock };
    }
    return this.#context;
  }

  /** Operators are not limited: the disk is theirs. */
  #take({ cred, session }: Principal, cost: Cost): Rejection | undefined {
    if (cred === 'operator' || session === undefined) return undefined;
    const waitMs = this.#quota.take(session, cost, this.#parts.clock.monotonic());
    return waitMs === 0 ? undefined : overQuota(session, waitMs);
  }

  #seen(principal: Principal, kind: 'tool' | 'heartbeat', { presence, now }: RoomContext): void {
    if (principal.session !== undefined) presence.seen(principal.session, kind, now());
  }

  #refusalOf(cause: unknown, op: string): Rejection {
    const { log, random } = this.#parts;
    if (cause instanceof NotCanonical) {
      return reject('request.invalid', `The request has no canonical form: ${cause.message}.`);
    }
    if (cause instanceof Fault) {
      log.warn({ event: 'call.fault', op, code: cause.code, detail: cause.detail });
      return reject(cause.code, 'The fabric could not serve this call.');
    }
    const incident = Buffer.from(random.bytes(8)).toString('hex');
    const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
    log.error({ event: 'call.defect', op, incident, message, stack });
    return reject('internal', `The fabric made a mistake; incident ${incident}.`, { incident });
  }
}

const digestOf = (value: unknown): string =>
  `sha256:${hash('sha256', canonicalText(value), 'hex')}`;

const ENDED = reject('auth.invalid', 'The session of this token has ended.');

type Handler = (input: unknown, context: RoomContext, principal: Principal) => unknown;

const isRejection = (value: unknown): value is Rejection =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'reject';

/** A session's credential acts for its own session only; an operator's for any. */
const whyNotThis = ({ cred, session }: Principal, sessionId: unknown): Rejection | undefined =>
  cred === 'operator' || typeof sessionId !== 'string' || sessionId === session
    ? undefined
    : reject(
        'auth.forbidden',
        `This credential belongs to session ${session ?? '?'}, not to ${sessionId}.`,
      );

const fenceHolder = (args: Parsed): string | undefined => {
  const { fence } = args;
  return typeof fence === 'object' &&
    fence !== null &&
    'holder' in fence &&
    typeof fence.holder === 'string'
    ? fence.holder
    : undefined;
};

const invalid = (op: string, found: readonly z.core.$ZodIssue[]): Rejection => {
  const issues = found
    .slice(0, ISSUES_MAX)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const text = issues
    .map(({ path, message }) => `${path === '' ? 'the request' : path}: ${message}`)
    .join('; ');
  const more = found.length > issues.length ? ` (and ${found.length - issues.length} more)` : '';
  return reject('request.invalid', `${op}: ${text}${more}.`, { issues });
};
