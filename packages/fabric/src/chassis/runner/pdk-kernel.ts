/**
 * The host's side of Extism's plugin ABI (`extism:host/env`), our own: names and meanings are those of Extism's kernel,
 * https://github.com/extism/extism/tree/main/kernel, as the PDKs declare them. Offsets are i64, so they come as BigInt.
 *
 * K1  No offset that a guest makes up reaches outside of the arena: loads give 0, stores do nothing.
 * K2  A run begins with an arena of zeros that holds its input, and no output, error or HTTP answer.
 */
import type { HttpAnswer, HttpCall } from '../words.ts';
import { Arena } from './arena.ts';
import { GuestTrap } from './guest.ts';
import { LOG_LEVEL } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import { isRecord, parseJson } from './json.ts';
import { Variables } from './variables.ts';

/** Arguments are what WebAssembly makes of the import's signature: numbers and BigInts. */
export type HostFunction = (...words: never[]) => number | bigint | undefined | void;

/** Where no log is linked, PDKs that ask learn that none is kept (`LevelFilter::Off` of Extism's kernel). */
const LOG_OFF = 0x7fff_ffff;
const WORD_BYTES = 8;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const encode = (text: string): Uint8Array => encoder.encode(text);
const NOTHING = new Uint8Array();

/** The texts of a record, without a prototype; what is no text is left out. */
export const textRecord = (value: unknown): Readonly<Record<string, string>> => {
  const texts: Record<string, string> = {};
  if (!isRecord(value)) return texts;
  Object.setPrototypeOf(texts, null);
  for (const [name, text] of Object.entries(value))
    if (typeof text === 'string') texts[name] = text;
  return texts;
};

export class PdkKernel {
  readonly #link: HostLink;
  readonly #arena = new Arena();
  readonly #variables = new Variables();
  readonly #settings: ReadonlyMap<string, string>;
  #inputAt = 0;
  #inputBytes = 0;
  #outputAt = 0;
  #outputBytes = 0;
  #errorAt = 0;
  #answer: HttpAnswer | undefined;

  constructor(link: HostLink, config: Readonly<Record<string, string>>) {
    this.#link = link;
    this.#settings = new Map(Object.entries(config));
  }

  begin(input: Uint8Array): void {
    this.#arena.reset();
    this.#inputBytes = input.length;
    this.#inputAt = this.#arena.alloc(input.length);
    this.#arena.slice(this.#inputAt, input.length)?.set(input);
    this.#outputAt = 0;
    this.#outputBytes = 0;
    this.#errorAt = 0;
    this.#answer = undefined;
  }

  /** The output that was set, a view that is good until the next `begin`. */
  output(): Uint8Array {
    return this.#arena.slice(this.#outputAt, this.#outputBytes) ?? NOTHING;
  }

  /** The message of `error_set`; undefined where none was set. */
  error(): string | undefined {
    return this.#errorAt === 0 ? undefined : decoder.decode(this.#block(this.#errorAt));
  }

  /** A fresh instance knows no variables of the one before. */
  forgetVariables(): void {
    this.#variables.clear();
  }

  /** `infrafabric:host/call`: JSON by offset, both ways. */
  readonly call = (request: bigint): bigint =>
    this.#put(this.#link.call(this.#block(Number(request))));

  /** `extism:host/env`, by name. */
  functions(): Readonly<Record<string, HostFunction>> {
    return {
      ...this.#memoryFunctions(),
      ...this.#inputFunctions(),
      ...this.#outputFunctions(),
      ...this.#keptFunctions(),
      ...this.#httpFunctions(),
      ...this.#logFunctions(),
    };
  }

  #memoryFunctions(): Readonly<Record<string, HostFunction>> {
    const arena = this.#arena;
    return {
      alloc: (bytes: bigint) => BigInt(arena.alloc(Number(bytes))),
      free: (offset: bigint) => arena.free(Number(offset)),
      length: (offset: bigint) => BigInt(arena.lengthOf(Number(offset))),
      // Extism's looks no block up; a wrong offset is none here either.
      length_unsafe: (offset: bigint) => BigInt(arena.lengthOf(Number(offset))),
      load_u8: (offset: bigint) => arena.loadByte(Number(offset)),
      load_u64: (offset: bigint) => arena.loadWord(Number(offset)),
      store_u8: (offset: bigint, byte: number) => arena.storeByte(Number(offset), byte),
      store_u64: (offset: bigint, word: bigint) => arena.storeWord(Number(offset), word),
    };
  }

  #inputFunctions(): Readonly<Record<string, HostFunction>> {
    const arena = this.#arena;
    return {
      input_offset: () => BigInt(this.#inputAt),
      input_length: () => BigInt(this.#inputBytes),
      input_load_u8: (offset: bigint) => {
        const at = Number(offset);
        return at >= 0 && at < this.#inputBytes ? arena.loadByte(this.#inputAt + at) : 0;
      },
      input_load_u64: (offset: bigint) => {
        const at = Number(offset);
        return at >= 0 && at + WORD_BYTES <= this.#inputBytes
          ? arena.loadWord(this.#inputAt + at)
          : 0n;
      },
    };
  }

  #outputFunctions(): Readonly<Record<string, HostFunction>> {
    return {
      output_set: (offset: bigint, bytes: bigint) => {
        this.#outputAt = Number(offset);
        this.#outputBytes = Number(bytes);
      },
      error_set: (offset: bigint) => {
        this.#errorAt = Number(offset);
      },
      error_get: () => BigInt(this.#errorAt),
    };
  }

  #keptFunctions(): Readonly<Record<string, HostFunction>> {
    return {
      config_get: (name: bigint) => this.#put(encode(this.#settings.get(this.#text(name)) ?? '')),
      var_get: (name: bigint) => this.#put(this.#variables.get(this.#text(name)) ?? NOTHING),
      var_set: (name: bigint, value: bigint) => {
        if (value === 0n) this.#variables.remove(this.#text(name));
        else this.#variables.set(this.#text(name), this.#block(Number(value)));
      },
    };
  }

  #httpFunctions(): Readonly<Record<string, HostFunction>> {
    return {
      http_request: (request: bigint, body: bigint) => {
        this.#answer = undefined;
        this.#answer = this.#link.http(this.#httpCall(request, body));
        return this.#put(Buffer.from(this.#answer.body, 'base64'));
      },
      http_status_code: () => this.#answer?.status ?? 0,
      http_headers: () =>
        this.#answer === undefined ? 0n : this.#put(encode(JSON.stringify(this.#answer.headers))),
    };
  }

  #logFunctions(): Readonly<Record<string, HostFunction>> {
    const functions: Record<string, HostFunction> = {
      get_log_level: () => (this.#link.offers('log') ? LOG_LEVEL.trace : LOG_OFF),
    };
    for (const [name, level] of Object.entries(LOG_LEVEL))
      functions[`log_${name}`] = (text: bigint) => this.#link.log(level, this.#text(text));
    return functions;
  }

  /** Extism's `HttpRequest` (`{url, method?, headers?}` as JSON) and a block with the body. */
  #httpCall(request: bigint, body: bigint): HttpCall {
    const parsed = parseJson<unknown>(this.#block(Number(request)));
    if (!parsed.ok || !isRecord(parsed.value) || typeof parsed.value['url'] !== 'string')
      throw new GuestTrap('http_request: no request with a url');
    const { url, method, headers } = parsed.value;
    const bytes = this.#block(Number(body));
    return {
      url,
      ...(typeof method === 'string' && method !== '' ? { method } : {}),
      headers: textRecord(headers),
      ...(bytes.length > 0 ? { body: Buffer.from(bytes).toString('base64') } : {}),
    };
  }

  #put(bytes: Uint8Array): bigint {
    const at = this.#arena.alloc(bytes.length);
    this.#arena.slice(at, bytes.length)?.set(bytes);
    return BigInt(at);
  }

  #block(at: number): Uint8Array {
    return this.#arena.slice(at, this.#arena.lengthOf(at)) ?? NOTHING;
  }

  #text(offset: bigint): string {
    return decoder.decode(this.#block(Number(offset)));
  }
}
