/** The host's functions for a JavaScript guest: text in, text out; `js-prelude.ts` makes them what the guest sees. */
import type { QuickJSContext, QuickJSHandle, Scope } from 'quickjs-emscripten-core';
import type { Ambient } from './ambient.ts';
import { GuestTrap } from './guest.ts';
import { HOST_CALL_BYTES_MAX } from '../frame.ts';
import { HostGone, HostRefusal, LOG_BYTES_MAX, LOG_LEVEL } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import { isRecord, parseJson } from './json.ts';
import { textRecord } from './pdk-kernel.ts';

/** Values of 53 bits, as many as a double's fraction holds. */
const FRACTIONS = 2 ** 53;

/** Characters of one log call: as many as the log has bytes. The prelude cuts texts to it. */
const LOG_TEXT_CHARS_MAX = LOG_BYTES_MAX;
/** What stack traces call the prelude. */
const PRELUDE_NAME = 'host.js';

type VmFunction = Parameters<QuickJSContext['newFunction']>[1];

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

export class JsHost {
  readonly #link: HostLink;
  readonly #ambient: Ambient;
  readonly #seeded: boolean;
  #broken: HostGone | undefined;

  /** `seeded`: the guest's clock stands still and its randomness is the ambient's. */
  constructor(link: HostLink, ambient: Ambient, { seeded }: { readonly seeded: boolean }) {
    this.#link = link;
    this.#ambient = ambient;
    this.#seeded = seeded;
  }

  /** What the pipe threw, which QuickJS turned into an error of the guest's; undefined where it holds. */
  broken(): HostGone | undefined {
    return this.#broken;
  }

  /** Evaluates the prelude, an arrow function, and calls it with the functions; gives what it returned. */
  install(context: QuickJSContext, scope: Scope, prelude: string): QuickJSHandle {
    const raw = scope.manage(context.newObject());
    for (const [name, fn] of Object.entries(this.#functions(context)))
      context.setProp(raw, name, scope.manage(context.newFunction(name, fn)));
    const seeded = this.#seeded ? context.true : context.false;
    const evaluated = context.evalCode(prelude, PRELUDE_NAME);
    if (evaluated.error === undefined) {
      const install = scope.manage(evaluated.value);
      const result = context.callFunction(install, context.undefined, raw, seeded);
      if (result.error === undefined) return scope.manage(result.value);
      result.error.dispose();
    } else evaluated.error.dispose();
    // The prelude itself does nothing that could fail but for lack of memory.
    throw new GuestTrap('there is no memory for the host’s functions');
  }

  #functions(context: QuickJSContext): Readonly<Record<string, VmFunction>> {
    const ask =
      (name: 'http' | 'call', act: (request: string) => unknown): VmFunction =>
      (request) =>
        context.newString(
          this.#watched(() =>
            enveloped(() => {
              if (!this.#link.offers(name))
                throw new HostRefusal('not-granted', `the host function ${name} is not listed`);
              return act(boundedText(context, request, HOST_CALL_BYTES_MAX));
            }),
          ),
        );
    return {
      call: ask('call', (request) => this.#call(request)),
      http: ask('http', (request) => requestHttp(this.#link, request)),
      log: (level, text) => {
        const words = boundedText(context, text, LOG_TEXT_CHARS_MAX);
        this.#link.log(levelOf(boundedText(context, level, LOG_TEXT_CHARS_MAX)), words);
      },
      random: () => context.newNumber(this.#randomShare()),
    };
  }

  /** Remembers that the pipe broke: QuickJS catches what a host's function throws. */
  #watched(act: () => string): string {
    try {
      return act();
    } catch (thrown) {
      if (thrown instanceof HostGone) this.#broken = thrown;
      throw thrown;
    }
  }

  #call(request: string): unknown {
    const reply = parseJson<unknown>(this.#link.call(encoder.encode(request)));
    if (!reply.ok) throw new HostRefusal('bad-reply', reply.reason);
    return reply.value;
  }

  #randomShare(): number {
    const bytes = new Uint8Array(8);
    this.#ambient.random(bytes);
    return Number(new DataView(bytes.buffer).getBigUint64(0) >> 11n) / FRACTIONS;
  }
}
