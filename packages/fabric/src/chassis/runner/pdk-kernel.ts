/**
 * The host's side of Extism's plugin ABI (`extism:host/env`), our own: names and meanings are those of Extism's kernel,
 * https://github.com/extism/extism/tree/main/kernel, as the PDKs declare them. Offsets are i64, so they come as BigInt.
 *
 * K1  No offset that a guest makes up reaches outside of the arena: loads give 0, stores do nothing.
 * K2  A run begins with an arena of zeros that holds its input, and no output, error or HTTP answer.
 */
import type { HttpAnswer } from '../words.ts';
import { createArena } from './arena.ts';
import { GuestTrap } from './guest.ts';
import { LOG_LEVEL } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import { isRecord, parseJson } from './json.ts';
import { createVariables } from './variables.ts';

export interface PdkKernel {
  /** By name; all of `extism:host/env`. */
  readonly functions: Readonly<Record<string, HostFunction>>;
  /** `infrafabric:host/call`: JSON by offset, both ways. */
  readonly call: (request: bigint) => bigint;
  begin(input: Uint8Array): void;
  /** The output that was set, a view that is good until the next `begin`. */
  output(): Uint8Array;
  /** The message of `error_set`; undefined where none was set. */
  error(): string | undefined;
  /** A fresh instance knows no variables of the one before. */
  forgetVariables(): void;
}

/** Arguments are what WebAssembly makes of the import's signature: numbers and BigInts. */
export type HostFunction = (...words: never[]) => number | bigint | undefined | void;

/** Where no log is linked, PDKs that ask learn that none is kept (`LevelFilter::Off` of Extism's kernel). */
const LOG_OFF = 0x7fff_ffff;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
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

export const createPdkKernel = (
  link: HostLink,
  config: Readonly<Record<string, string>>,
): PdkKernel => {
  const arena = createArena();
  const variables = createVariables();
  const settings = new Map(Object.entries(config));
  let inputAt = 0;
  let inputBytes = 0;
  let outputAt = 0;
  let outputBytes = 0;
  let errorAt = 0;
  let answer: HttpAnswer | undefined;

  const put = (bytes: Uint8Array): bigint => {
    const at = arena.alloc(bytes.length);
    arena.slice(at, bytes.length)?.set(bytes);
    return BigInt(at);
  };
  const block = (offset: bigint): Uint8Array => {
    const at = Number(offset);
    return arena.slice(at, arena.lengthOf(at)) ?? NOTHING;
  };
  const text = (offset: bigint): string => decoder.decode(block(offset));
  const logAt =
    (level: number) =>
    (offset: bigint): void =>
      link.log(level, text(offset));

  const requestOf = (offset: bigint, body: bigint): HttpAnswer => {
    const parsed = parseJson<unknown>(block(offset));
    if (!parsed.ok || !isRecord(parsed.value) || typeof parsed.value['url'] !== 'string')
      throw new GuestTrap('http_request: no request with a url');
    const { url, method, headers } = parsed.value;
    const bytes = block(body);
    return link.http({
      url,
      ...(typeof method === 'string' && method !== '' ? { method } : {}),
      headers: textRecord(headers),
      ...(bytes.length > 0 ? { body: Buffer.from(bytes).toString('base64') } : {}),
    });
  };

  const functions: Record<string, HostFunction> = {
    alloc: (bytes: bigint) => BigInt(arena.alloc(Number(bytes))),
    free: (offset: bigint) => arena.free(Number(offset)),
    length: (offset: bigint) => BigInt(arena.lengthOf(Number(offset))),
    length_unsafe: (offset: bigint) => BigInt(arena.lengthOf(Number(offset))),
    load_u8: (offset: bigint) => arena.loadByte(Number(offset)),
    load_u64: (offset: bigint) => arena.loadWord(Number(offset)),
    store_u8: (offset: bigint, byte: number) => arena.storeByte(Number(offset), byte),
    store_u64: (offset: bigint, word: bigint) => arena.storeWord(Number(offset), word),
    input_offset: () => BigInt(inputAt),
    input_length: () => BigInt(inputBytes),
    input_load_u8: (offset: bigint) => {
      const at = Number(offset);
      return at >= 0 && at < inputBytes ? arena.loadByte(inputAt + at) : 0;
    },
    input_load_u64: (offset: bigint) => {
      const at = Number(offset);
      return at >= 0 && at + 8 <= inputBytes ? arena.loadWord(inputAt + at) : 0n;
    },
    output_set: (offset: bigint, bytes: bigint) => {
      outputAt = Number(offset);
      outputBytes = Number(bytes);
    },
    error_set: (offset: bigint) => {
      errorAt = Number(offset);
    },
    error_get: () => BigInt(errorAt),
    config_get: (name: bigint) => put(encoder.encode(settings.get(text(name)) ?? '')),
    var_get: (name: bigint) => put(variables.get(text(name)) ?? NOTHING),
    var_set: (name: bigint, value: bigint) => {
      if (value === 0n) variables.remove(text(name));
      else variables.set(text(name), block(value));
    },
    http_request: (request: bigint, body: bigint) => {
      answer = undefined;
      answer = requestOf(request, body);
      return put(Buffer.from(answer.body, 'base64'));
    },
    http_status_code: () => answer?.status ?? 0,
    http_headers: () =>
      answer === undefined ? 0n : put(encoder.encode(JSON.stringify(answer.headers))),
    log_trace: logAt(LOG_LEVEL.trace),
    log_debug: logAt(LOG_LEVEL.debug),
    log_info: logAt(LOG_LEVEL.info),
    log_warn: logAt(LOG_LEVEL.warn),
    log_error: logAt(LOG_LEVEL.error),
    get_log_level: () => (link.offers('log') ? LOG_LEVEL.trace : LOG_OFF),
  };

  return {
    functions,
    call: (request) => put(link.call(block(request))),
    begin(input) {
      arena.reset();
      inputBytes = input.length;
      inputAt = arena.alloc(inputBytes);
      arena.slice(inputAt, inputBytes)?.set(input);
      outputAt = 0;
      outputBytes = 0;
      errorAt = 0;
      answer = undefined;
    },
    output: () => arena.slice(outputAt, outputBytes) ?? NOTHING,
    error: () => (errorAt === 0 ? undefined : text(BigInt(errorAt))),
    forgetVariables: () => variables.clear(),
  };
};
