/**
 * Notifiers: the way from an escalation in the log to a person. Whoever follows the log (`effects/notifications.ts`) calls
 * them; they hold no state about which notices they have seen.
 *
 * N1  A notice is delivered at least once to each notifier: after a crash between a delivery and the record of it, again.
 *     The pair of `origin` and `id` is the same each time, so that a receiver can tell.
 * N2  First attempts come in the order of the log. A notice that is tried again does not hold up those behind it, so it
 *     may arrive after them: `index` orders them.
 */
import { Fault } from '../fault.ts';

export type NoticeSeverity = 'warn' | 'high';

/** One escalation, as a person is told of it. Texts in it came from outside: they are data, never commands or markup. */
export interface Notice {
  /** The escalation's. Unique in its realm. */
  readonly id: string;
  readonly realm: string;
  /** Name of the realm's log: tells two realms of one name apart. */
  readonly origin: string;
  /** When it was raised, ms since 1970. */
  readonly at: number;
  readonly severity: NoticeSeverity;
  /** `breaker`, `blocker`, `budget`; a realm may be newer than its notifier, so any word is let through. */
  readonly kind: string;
  /** Id of the swarm, blocker or account that it is about. */
  readonly subject: string;
  readonly summary: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  /** The command line that acknowledges it. */
  readonly acknowledge: string;
  /** The log entry that raised it. */
  readonly index: number;
}

export interface Notifier {
  /** Stable across restarts: what was delivered is remembered under it. */
  readonly name: string;
  /**
   * Resolves when the receiver has the notice. One call at a time. Rejects with a Fault: transient (the receiver is away,
   * busy or full: tried again later) or permanent (no later attempt can work until a person changes something: given up
   * and logged). A failure does not prove that nothing arrived. Ends soon after `signal` aborts; what it rejects with then
   * is not looked at.
   */
  deliver(notice: Notice, signal: AbortSignal): Promise<void>;
}

interface Undelivered {
  readonly transient: boolean;
  /** Never the secret, the path or the query of a receiver's address: those may be credentials. */
  readonly detail: string;
  readonly cause?: unknown;
}

/** Why a notice did not arrive. */
export const undelivered = (context: Undelivered): Fault =>
  new Fault(context.transient ? 'log.unavailable' : 'config.invalid', context);
