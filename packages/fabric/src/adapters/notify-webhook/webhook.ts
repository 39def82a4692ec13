/**
 * Notices as signed webhooks: an HTTPS POST of JSON in the form of Standard Webhooks (standardwebhooks.com,
 * specification 1.0), to the public internet or to receivers that were allowed by name.
 */
import { hash } from 'node:crypto';

import { Fault } from '../../fault.ts';
import { systemResolve, type Resolve } from '../../net/pinned-lookup.ts';
import { undelivered, type Notice, type Notifier } from '../../ports/notifier.ts';
import { post } from './post.ts';
import { readSecrets, signatureOf } from './signature.ts';
import { pinnedLookup, targetOf, type Target } from './target.ts';

export interface WebhookOptions {
  readonly name: string;
  readonly url: string;
  /** File of the secrets that sign; read at each delivery, so that a change of it needs no restart. */
  readonly secretFile: string;
  /** `host:port` of receivers that may be inside and may speak plain http. */
  readonly allowHosts: readonly string[];
  /** From the question to the DNS to the end of the answer, ms. */
  readonly timeoutMs: number;
  readonly version: string;
  /** Wall time, ms since 1970: receivers refuse signatures that are minutes old. */
  readonly now: () => number;
  readonly resolve?: Resolve;
}

/** Hex digits of a message's id: 128 bits. */
const ID_DIGITS = 32;

/**
 * A notifier that posts to `url`. Throws a permanent Fault where the URL can never be called. A delivery is transient
 * where the receiver is away, slow, or says 408, 425, 429 or 5xx; permanent where it refuses (any other status, redirects
 * among them), where its name leads inside, or where the secret cannot be used.
 */
export const webhookNotifier = (options: WebhookOptions): Notifier => {
  const target = targetOf(options.url, options.allowHosts);
  return {
    name: options.name,
    deliver: async (notice, signal) => {
      const secrets = await readSecrets(options.secretFile);
      const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
      const status = await statusOf(target, options, { notice, secrets, signal: limit });
      if (status < 200 || status > 299) throw unwelcome(target, status);
    },
  };
};

interface Sending {
  readonly notice: Notice;
  readonly secrets: Awaited<ReturnType<typeof readSecrets>>;
  readonly signal: AbortSignal;
}

const statusOf = async (
  target: Target,
  { now, version, resolve = systemResolve }: WebhookOptions,
  { notice, secrets, signal }: Sending,
): Promise<number> => {
  const id = messageId(notice);
  const timestampS = Math.floor(now() / 1_000);
  const body = JSON.stringify(payloadOf(notice));
  const headers = {
    'content-type': 'application/json',
    'user-agent': `infrafabric/${version}`,
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatureOf(secrets, { id, timestampS, body }),
  };
  try {
    // The system's resolver cannot be stopped; its answer is no longer waited for.
    const lookup = await orAborted(pinnedLookup(target, resolve), signal);
    return await post({ url: target.url, lookup, headers, body, signal });
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw undelivered({
      transient: true,
      detail: `${target.shown}: ${signal.aborted ? 'no answer in time' : reasonOf(cause)}`,
      cause,
    });
  }
};

/** The same for every attempt, and of this realm alone: receivers drop what they have seen. Without a full stop, as the scheme asks. */
const messageId = ({ origin, id }: Notice): string =>
  `esc_${hash('sha256', `${origin}\n${id}`, 'hex').slice(0, ID_DIGITS)}`;

const payloadOf = (notice: Notice): object => ({
  type: 'escalation.raised',
  timestamp: new Date(notice.at).toISOString(),
  data: notice,
});

/** Request Timeout, Too Early, Too Many Requests. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

const unwelcome = ({ shown }: Target, status: number): Fault => {
  const what =
    status >= 300 && status <= 399
      ? `redirects (${status}), which is not followed`
      : `answered ${status}`;
  return undelivered({
    transient: status >= 500 || LATER.has(status),
    detail: `${shown} ${what}`,
  });
};

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
};

const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new Error('aborted'));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
