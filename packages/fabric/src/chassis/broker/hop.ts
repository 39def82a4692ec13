/**
 * One network call of a run, from a grant to a reply without secrets.
 *
 * B1  Nothing is dialled that is not granted, counted and judged, in this order.
 * B2  The handle is checked before the dial and again, with the version of the secret, in the turn that writes the
 *     request: nothing is awaited between that check and the write.
 * B3  The secret's bytes and all forms of them are zeros when the call is over, however it ended.
 * B4  Once a secret was written the log hears of it, even where no answer came.
 */
import { hash } from 'node:crypto';
import type { HttpGrant, SecretGrant } from '@infrafabric/protocol';

import { Fault } from '../../fault.ts';
import type { Resolve } from '../../net/pinned-lookup.ts';
import type { Secret, SecretRef, SecretStore } from '../../ports/secret-store.ts';
import type { RunNote } from '../words.ts';
import { addressesOf } from './addresses.ts';
import type { CallCounter } from './calls.ts';
import { ACCEPTED_ENCODINGS, decoded } from './decoded.ts';
import { connect, exchange, type Failed, type Reply, type Request } from './dial.ts';
import { unlessEnded, type Ending } from './ending.ts';
import { formsOf, type Forms } from './forms.ts';
import type { Handles, Holder } from './handles.ts';
import { guestHeaders, pairsOf, replyHeaders, type HeaderPairs } from './headers.ts';
import { headerOf, injected } from './injection.ts';
import { refuse, type Refused } from './refusals.ts';
import { hostOf, type StrictUrl } from './request-url.ts';
import { scrubBody, scrubHeaders } from './scrub.ts';

/** What upstreams see where the guest names no agent: many refuse a request without one. */
const USER_AGENT = 'infrafabric';

/** A secret grant of a run and the handle that was issued for it. */
export interface Credential {
  readonly grant: SecretGrant;
  readonly handle: string;
}

/** What a hop needs of the broker and of its run. */
export interface HopPorts {
  readonly store: SecretStore;
  readonly resolve: Resolve;
  readonly ca: readonly string[] | undefined;
  readonly handles: Handles;
  readonly holder: Holder;
  readonly counter: CallCounter;
  readonly note: (note: RunNote) => void;
  readonly onFault: (fault: StoreFault) => void;
}

/** A secret store that did not give what it was asked for. */
export interface StoreFault {
  readonly alias: string;
  readonly ref: string;
  /** What it threw: a Fault, by its port. */
  readonly cause: unknown;
}

export interface Hop {
  readonly url: StrictUrl;
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
  readonly grant: HttpGrant;
  readonly credential: Credential | undefined;
}

export interface HopReply {
  readonly ok: true;
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
}

/** Makes the call. Ends as the ending says; the reply is searched for the secret before anybody sees it. */
export const makeHop = async (
  hop: Hop,
  ports: HopPorts,
  ending: Ending,
): Promise<HopReply | Refused> => {
  const { credential, url } = hop;
  if (credential === undefined) return dialled(hop, ports, ending);
  const death = ports.handles.check(credential.handle, ports.holder);
  if (death !== undefined) return refuse(death, credential.grant.alias, 'credential');
  if (url.scheme === 'http' && !hop.grant.privateAddress)
    return refuse('credential.plain_http', credential.grant.alias);
  const unwatch = ports.handles.watch(credential.handle, (code) => {
    ending.end(code);
  });
  try {
    return await dialled(hop, ports, ending);
  } finally {
    unwatch();
  }
};

const dialled = async (hop: Hop, ports: HopPorts, ending: Ending): Promise<HopReply | Refused> => {
  const { url, grant } = hop;
  if (!ports.counter.takeDial()) return refuse('calls.exhausted', grant.alias, 'network-calls');
  const judged = await unlessEnded(
    addressesOf({ hostname: url.hostname, privateAddress: grant.privateAddress }, ports.resolve),
    ending,
  );
  if (judged === undefined) return refuse(ending.why() ?? 'run.closed', hostOf(url));
  if (!judged.ok) return judged;
  // A name that should lead inside may lead outside today.
  if (hop.credential !== undefined && url.scheme === 'http' && !judged.isInside)
    return refuse('credential.plain_http', grant.alias);
  const { hostname, port, scheme } = url;
  const { addresses } = judged;
  const isSecure = scheme === 'https';
  const opened = await connect({ hostname, port, isSecure, addresses, ca: ports.ca }, ending);
  if (!opened.ok) return opened;
  const { socket } = opened;
  const closed = ports.counter.metered(socket);
  try {
    const send = (request: Request): Promise<Reply | Failed> => exchange(socket, request, ending);
    return hop.credential === undefined
      ? await plain(hop, await send(requestOf(hop, [], hop.url.query)), undefined)
      : await withSecret(hop, hop.credential, { ports, ending, send });
  } finally {
    socket.destroy();
    closed();
  }
};

interface Sending {
  readonly ports: HopPorts;
  readonly ending: Ending;
  readonly send: (request: Request) => Promise<Reply | Failed>;
}

const withSecret = async (
  hop: Hop,
  { grant, handle }: Credential,
  { ports, ending, send }: Sending,
): Promise<HopReply | Refused> => {
  const secret = await secretOf(grant, ports, ending);
  if ('ok' in secret) return secret;
  let forms: Forms | undefined;
  try {
    const added = injected(grant.inject, secret.bytes, hop.url.query);
    if (added === undefined) return refuse('credential.unusable', grant.alias);
    forms = formsOf(secret.bytes);
    const header = added.header === undefined ? [] : [added.header];
    const request = requestOf(hop, header, added.query);
    // B2: the last check and the write are one turn.
    const ended = ending.why();
    if (ended !== undefined) return refuse(ended, grant.alias);
    const death = ports.handles.check(handle, ports.holder, secret.version);
    if (death !== undefined) return refuse(death, grant.alias, 'credential');
    const reply = await noted(hop, send(request), { grant, ports, ending });
    const clean = await plain(hop, reply, forms);
    // A clock may have jumped while the reply was on its way, and rung no timer.
    const late = clean.ok ? ports.handles.check(handle, ports.holder) : undefined;
    if (late !== undefined) return refuse(ending.why() ?? late, grant.alias);
    return echoNoted(clean, hop, ports);
  } finally {
    secret.bytes.fill(0);
    forms?.wipe();
  }
};

/**
 * The secret, or why there is none. A fault's code is the guest's to know and nothing else of it: its detail may name
 * files and hosts of the store, and goes to whoever runs the broker.
 */
const secretOf = async (
  { ref, alias }: SecretGrant,
  { store, onFault }: HopPorts,
  ending: Ending,
): Promise<Secret | Refused> => {
  try {
    const asked = store.resolve(secretRefOf(ref), ending.signal);
    const secret = await unlessEnded(asked, ending, (late) => {
      late.bytes.fill(0);
    });
    return secret ?? refuse(ending.why() ?? 'run.closed', alias);
  } catch (cause) {
    onFault({ alias, ref, cause });
    const about = cause instanceof Fault ? `${alias} (${cause.code})` : alias;
    return refuse('credential.unavailable', about);
  }
};

/** `vault://path#field`, as the contract's schema has checked. */
const secretRefOf = (ref: string): SecretRef => {
  const [path = '', field = ''] = ref.slice('vault://'.length).split('#');
  return { path, field };
};

const requestOf = (hop: Hop, added: HeaderPairs, query: string): Request => {
  const { url, method, body, credential } = hop;
  const taken = credential === undefined ? undefined : headerOf(credential.grant.inject);
  const sent = guestHeaders(hop.headers, taken === undefined ? [] : [taken]);
  const isDefaultPort = url.port === (url.scheme === 'https' ? 443 : 80);
  const hasBody = body.length > 0 || !['GET', 'HEAD', 'DELETE'].includes(method);
  return {
    method,
    target: url.path + query,
    headers: [
      ['host', isDefaultPort ? url.hostname : hostOf(url)],
      ['accept-encoding', ACCEPTED_ENCODINGS],
      ['connection', 'close'],
      ['user-agent', USER_AGENT],
      ...sent,
      ...(hasBody ? [['content-length', String(body.length)] as const] : []),
      ...added,
    ],
    body,
  };
};

interface CleanReply extends HopReply {
  readonly isEchoed: boolean;
}

/** The reply decompressed, without headers of credentials, and without the secret in any of its forms. */
const plain = async (
  hop: Hop,
  reply: Reply | Failed,
  forms: Forms | undefined,
): Promise<CleanReply | Refused> => {
  if (!reply.ok) {
    const { code, violation } = reply;
    return refuse(code, violation?.subject ?? hostOf(hop.url), violation?.violation);
  }
  const encodings = pairsOf(reply.rawHeaders).filter(([name]) => name === 'content-encoding');
  const body = await decoded(reply.body, encodings.map(([, value]) => value).join(','));
  if (!body.ok) return refuse(body.code, hostOf(hop.url));
  const headers = replyHeaders(reply.rawHeaders);
  const { status } = reply;
  if (forms === undefined) return { ok: true, status, headers, body: body.body, isEchoed: false };
  const cleanHeaders = scrubHeaders(headers, forms);
  const cleanBody = await scrubBody(body.body, forms);
  return {
    ok: true,
    status,
    headers: cleanHeaders.headers,
    body: cleanBody.bytes,
    isEchoed: cleanHeaders.isEchoed || cleanBody.isEchoed,
  };
};

const echoNoted = (
  clean: CleanReply | Refused,
  hop: Hop,
  { note }: HopPorts,
): HopReply | Refused => {
  if (clean.ok && clean.isEchoed)
    note({ kind: 'violation', violation: 'secret-echoed', subject: hostOf(hop.url) });
  return clean;
};

interface Noting {
  readonly grant: SecretGrant;
  readonly ports: HopPorts;
  readonly ending: Ending;
}

/**
 * What the log keeps of a credential's use: where it went and what came of it; status 0 where nothing did. Where the call
 * is ended it is said in that very turn, because whoever closes a run reports of it next.
 */
const noted = async (
  { url, method }: Hop,
  sent: Promise<Reply | Failed>,
  { grant, ports, ending }: Noting,
): Promise<Reply | Failed> => {
  const tell = (status: number, bytes: number): void => {
    const pathHash = hash('sha256', url.path, 'hex');
    const host = hostOf(url);
    ports.note({ kind: 'credential', alias: grant.alias, host, method, pathHash, status, bytes });
  };
  let isTold = false;
  const onEnd = (): void => {
    isTold = true;
    tell(0, 0);
  };
  ending.signal.addEventListener('abort', onEnd, { once: true });
  const reply = await sent;
  ending.signal.removeEventListener('abort', onEnd);
  if (!isTold) tell(reply.status ?? 0, reply.ok ? reply.body.length : 0);
  return reply;
};
