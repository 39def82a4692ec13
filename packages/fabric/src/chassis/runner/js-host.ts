/** The host's functions for a JavaScript guest: text in, text out; `js-prelude.ts` makes them what the guest sees. */
import type { QuickJSContext, QuickJSHandle, Scope } from 'quickjs-emscripten-core';
import type { Ambient } from './ambient.ts';
import { GuestTrap } from './guest.ts';
import { HostGone, HostRefusal, LOG_BYTES_MAX, LOG_LEVEL, REQUEST_BYTES_MAX } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import { isRecord, parseJson } from './json.ts';
import { textRecord } from './pdk-kernel.ts';

export interface JsHost {
  /** Evaluates the prelude, an arrow function, and calls it with the functions; gives what it returned. */
  install(context: QuickJSContext, scope: Scope, prelude: string): QuickJSHandle;
  /** What the pipe threw, which QuickJS turned into an error of the guest's; undefined where it holds. */
  broken(): HostGone | undefined;
}

/** Values of 53 bits, as many as a double's fraction holds. */
const FRACTIONS = 2 ** 53;

const encoder = new TextEncoder();

/** A text of the guest's, once its length was looked at. */
const boundedText = (context: QuickJSContext, handle: QuickJSHandle, charsMax: number): string => {
  const length = context.getProp(handle, 'length');
  const chars = context.typeof(handle) === 'string' ? context.getNumber(length) : 0;
  length.dispose();
  if (chars > charsMax)
    throw new HostRefusal('request-too-large', `${chars} characters; the limit is ${charsMax}`);
  return context.getString(handle);
};

const levelOf = (name: string): number =>
  Object.entries(LOG_LEVEL).find(([level]) => level === name)?.[1] ?? LOG_LEVEL.info;

/**
 * `{url, alias?, method?, headers?, body?, encoding?}` → `{status, headers, body}`. Bodies are text, or base64 both ways
 * where the encoding says so.
 */
const requestHttp = (link: HostLink, request: string): unknown => {
  const parsed = parseJson<unknown>(encoder.encode(request));
  if (!parsed.ok || !isRecord(parsed.value) || typeof parsed.value['url'] !== 'string')
    throw new HostRefusal('bad-request', 'host.http wants {url: string, …}');
  const { url, alias, method, headers, body, encoding } = parsed.value;
  const raw = encoding === 'base64';
  const answer = link.http({
    url,
    ...(typeof alias === 'string' ? { alias } : {}),
    ...(typeof method === 'string' ? { method } : {}),
    headers: textRecord(headers),
    ...(typeof body === 'string'
      ? { body: raw ? body : Buffer.from(body).toString('base64') }
      : {}),
  });
  if (raw) return answer;
  return { ...answer, body: Buffer.from(answer.body, 'base64').toString() };
};

/** JSON of what it gives, or of the host's refusal, which the prelude throws in the guest. */
const enveloped = (ask: () => unknown): string => {
  try {
    return JSON.stringify({ ok: true, value: ask() });
  } catch (thrown) {
    if (!(thrown instanceof HostRefusal)) throw thrown;
    const { code, message } = thrown;
    return JSON.stringify({ ok: false, code, message: message.slice(code.length + 2) });
  }
};

export const createJsHost = (
  link: HostLink,
  ambient: Ambient,
  { seeded }: { readonly seeded: boolean },
): JsHost => {
  let broken: HostGone | undefined;
  const needed = (name: 'http' | 'call'): void => {
    if (!link.offers(name))
      throw new HostRefusal('not-granted', `the host function ${name} is not listed`);
  };
  const call = (request: string): unknown => {
    const reply = parseJson<unknown>(link.call(encoder.encode(request)));
    if (!reply.ok) throw new HostRefusal('bad-reply', reply.reason);
    return reply.value;
  };
  const random = new Uint8Array(8);
  const randomShare = (): number => {
    ambient.random(random);
    return Number(new DataView(random.buffer).getBigUint64(0) >> 11n) / FRACTIONS;
  };

  return {
    install(context, scope, prelude) {
      const ask = (name: 'http' | 'call', act: (request: string) => unknown): QuickJSHandle =>
        scope.manage(
          context.newFunction(name, (request) => {
            try {
              return context.newString(
                enveloped(() => {
                  needed(name);
                  return act(boundedText(context, request, REQUEST_BYTES_MAX));
                }),
              );
            } catch (thrown) {
              if (thrown instanceof HostGone) broken = thrown;
              throw thrown;
            }
          }),
        );
      const raw = scope.manage(context.newObject());
      context.setProp(raw, 'call', ask('call', call));
      context.setProp(
        raw,
        'http',
        ask('http', (request) => requestHttp(link, request)),
      );
      const log = context.newFunction('log', (level, text) => {
        link.log(
          levelOf(boundedText(context, level, REQUEST_BYTES_MAX)),
          boundedText(context, text, LOG_BYTES_MAX * 4),
        );
      });
      context.setProp(raw, 'log', scope.manage(log));
      const share = context.newFunction('random', () => context.newNumber(randomShare()));
      context.setProp(raw, 'random', scope.manage(share));

      const install = scope.manage(context.unwrapResult(context.evalCode(prelude, 'host.js')));
      const result = context.callFunction(
        install,
        context.undefined,
        raw,
        seeded ? context.true : context.false,
      );
      if (result.error !== undefined) {
        result.error.dispose();
        throw new GuestTrap('there is no room for the host’s functions');
      }
      return scope.manage(result.value);
    },
    broken: () => broken,
  };
};
