/** The broker's side of one run: its calls, one at a time, from what a guest wrote to what it may know. */
import type { HttpGrant } from '@infrafabric/protocol';

import type { Resolve } from '../../net/pinned-lookup.ts';
import type { SecretStore } from '../../ports/secret-store.ts';
import type { BrokerReply, BrokerRun, BrokerRunOptions } from '../words.ts';
import type { Rates } from './bucket.ts';
import { shapeOf, type ShapedCall } from './call-shape.ts';
import { createCallCounter, type CallCounter } from './calls.ts';
import { pause, type BrokerClock } from './clock.ts';
import { createEnding, type Ending } from './ending.ts';
import type { Handles, Holder } from './handles.ts';
import {
  makeHop,
  type Credential,
  type Hop,
  type HopPorts,
  type HopReply,
  type StoreFault,
} from './hop.ts';
import { redirectOf, REDIRECTS_MAX, type Redirect } from './redirect.ts';
import { refuse, type Refused } from './refusals.ts';
import { fullUrl, grantFor, hostOf, strictUrl } from './request-url.ts';

export interface RunPorts {
  readonly store: SecretStore;
  readonly resolve: Resolve;
  readonly clock: BrokerClock;
  readonly ca: readonly string[] | undefined;
  readonly handles: Handles;
  readonly rates: Rates;
  /** Longest life of one call, ms. */
  readonly callMsMax: number;
  readonly onFault: (fault: StoreFault) => void;
  /** Told once, when the run is closed. */
  readonly onClose: () => void;
}

/** Opens the run: issues a handle for each secret that it was granted, and counts its session in. */
export const openRun = (options: BrokerRunOptions, ports: RunPorts): BrokerRun => {
  const { tenant, taskId, runnerPid } = options;
  const holder: Holder = { ...tenant, taskId, runnerPid };
  const counter = createCallCounter(options.limits.networkCallsMax);
  const credentials = new Map<string, Credential>(
    options.secrets.map((grant) => [
      grant.alias,
      { grant, handle: ports.handles.issue(holder, grant) },
    ]),
  );
  ports.rates.open(tenant, options.limits.apiCallsPerSecondMax, ports.clock.monotonic());
  const context: RunContext = { options, ports, counter, credentials, holder };
  let isClosed = false;
  let current: Ending | undefined;
  return {
    http: async (call) => {
      if (isClosed) return replyOf(refuse('run.closed'));
      if (current !== undefined) return replyOf(refuse('call.busy'));
      const ending = createEnding();
      current = ending;
      const { clock, callMsMax } = ports;
      const cancel = clock.setTimer(clock.monotonic() + callMsMax, () => {
        ending.end('upstream.slow');
      });
      const answer = await answered(call, context, ending);
      cancel();
      current = undefined;
      // A reply that comes after the end is nobody's: it is dropped.
      const why = ending.why();
      return replyOf(answer.ok && why !== undefined ? refuse(why) : answer);
    },
    use: () => counter.use(),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      current?.end('run.closed');
      for (const { handle } of credentials.values()) ports.handles.end(handle);
      ports.rates.close(tenant, ports.clock.monotonic());
      ports.onClose();
    },
  };
};

interface RunContext {
  readonly options: BrokerRunOptions;
  readonly ports: RunPorts;
  readonly counter: CallCounter;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly holder: Holder;
}

/** What a guest may know of a reply or a refusal. */
const replyOf = (answer: HopReply | Refused): BrokerReply => {
  if (!answer.ok) return { ok: false, code: answer.code, message: answer.message };
  const { status, body } = answer;
  // Without a prototype: a header may be named `__proto__`.
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of answer.headers) headers[name] = value;
  return { ok: true, answer: { status, headers, body: body.toString('base64') } };
};

const answered = async (
  call: unknown,
  context: RunContext,
  ending: Ending,
): Promise<HopReply | Refused> => {
  try {
    const answer = await asked(call, context, ending);
    if (!answer.ok && answer.violation !== undefined)
      context.options.onNote({ kind: 'violation', ...answer.violation });
    return answer;
  } catch {
    // Never rejects, and an exception's text could hold what it was about: the guest learns that it failed, no more.
    return refuse('broker.failed');
  }
};

const asked = async (
  call: unknown,
  context: RunContext,
  ending: Ending,
): Promise<HopReply | Refused> => {
  context.counter.asked();
  const paced = await tokenTaken(context, ending);
  if (paced !== undefined) return paced;
  const shaped = shapeOf(call);
  return shaped.ok ? followed(shaped, context, ending) : shaped;
};

/** Every call takes a token first, the refused ones too; where there is none, its refusal comes when there is one again. */
const tokenTaken = async (
  { options, ports: { rates, clock } }: RunContext,
  ending: Ending,
): Promise<Refused | undefined> => {
  const { tenant, limits } = options;
  const take = rates.take(tenant, clock.monotonic());
  if (take.kind === 'taken') return undefined;
  if (take.kind === 'unknown') return refuse('run.closed');
  await pause(clock, take.waitMs, ending.signal);
  if (ending.why() !== undefined) return refuse(ending.why() ?? 'run.closed');
  return refuse('rate.exceeded', `${limits.apiCallsPerSecondMax} calls a second`, 'rate');
};

/** A redirect was not the guest's to time: it waits for its token instead. */
const tokenAwaited = async (
  { options, ports: { rates, clock } }: RunContext,
  ending: Ending,
): Promise<void> => {
  // Ends with the call: each turn waits for a token that comes back within a second or two.
  while (!ending.signal.aborted) {
    const take = rates.take(options.tenant, clock.monotonic());
    if (take.kind !== 'wait') return;
    await pause(clock, take.waitMs, ending.signal);
  }
};

const followed = async (
  call: ShapedCall,
  context: RunContext,
  ending: Ending,
): Promise<HopReply | Refused> => {
  const { options, ports, counter, holder } = context;
  const hopPorts: HopPorts = { ...ports, holder, counter, note: options.onNote };
  const first = firstHop(call, context);
  if (!first.ok) return first;
  let { hop } = first;
  // One round a redirect, and one for the call itself.
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const reply = await makeHop(hop, hopPorts, ending);
    if (!reply.ok) return reply;
    const location = reply.headers.find(([name]) => name === 'location')?.[1];
    const redirect = redirectOf({ status: reply.status, location }, hop);
    if (redirect === undefined) return reply;
    if (redirect === false) return refuse('redirect.refused', hostOf(hop.url), 'host');
    const next = nextHop(hop, redirect, context);
    if (!next.ok) return next;
    ({ hop } = next);
    await tokenAwaited(context, ending);
    if (ending.why() !== undefined) return refuse(ending.why() ?? 'run.closed');
  }
  return refuse('redirect.too_many', hostOf(hop.url));
};

type Checked = { readonly ok: true; readonly hop: Hop } | Refused;

const firstHop = (call: ShapedCall, context: RunContext): Checked => {
  const { alias, method, headers, body } = call;
  const named = context.options.http.find((grant) => grant.alias === alias);
  if (alias !== undefined && named === undefined) return refuse('grant.missing', alias, 'host');
  const url = fullUrl(call.url, named);
  return checkedHop({ url, method, headers, body }, alias, context);
};

/** The redirect's target as a call of its own: the alias that it came from first, then any other that covers it. */
const nextHop = (hop: Hop, { url, method, keepsBody }: Redirect, context: RunContext): Checked => {
  const body = keepsBody ? hop.body : Buffer.alloc(0);
  const call = { url, method, headers: hop.headers, body };
  const same = checkedHop(call, hop.grant.alias, context);
  return same.ok ? same : checkedHop(call, undefined, context);
};

const checkedHop = (
  { url: text, method, headers, body }: Pick<Hop, 'method' | 'headers' | 'body'> & { url: string },
  alias: string | undefined,
  { options, credentials }: RunContext,
): Checked => {
  const read = strictUrl(text);
  if (!read.ok) return refuse('url.refused', `${alias ?? 'url'} (${read.why})`, 'host');
  const { url } = read;
  const grant: HttpGrant | undefined = grantFor(url, { method, alias }, options.http);
  if (grant === undefined) return refuse('grant.missing', `${method} ${hostOf(url)}`, 'host');
  const credential = credentials.get(grant.alias);
  return { ok: true, hop: { url, method, headers, body, grant, credential } };
};
