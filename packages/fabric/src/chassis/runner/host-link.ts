/**
 * What a guest reaches of the host: each call is a frame, after which the runner waits for the answer and does nothing
 * else. So a guest cannot have two requests under way, whatever it does.
 */
import type { HostFunction } from '@infrafabric/protocol';
import {
  FROM_RUNNER,
  HOST_CALL_BYTES_MAX,
  HOST_FUNCTIONS,
  REPLY_STATUS,
  TO_RUNNER,
} from '../frame.ts';
import { plainText } from '../plain-text.ts';
import type { HttpAnswer, HttpCall, LoadHeader } from '../words.ts';
import type { Channel } from './channel.ts';
import { isRecord, parseJson } from './json.ts';
import { utf8Prefix } from './text.ts';

export const LOG_LEVEL = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 } as const;

/** Bytes of a run's log; what comes after is dropped, and one line says so. */
export const LOG_BYTES_MAX = 64 * 1024;
/** Bytes of a reply: 8 MiB of body in base64, and its headers. */
const REPLY_BYTES_MAX = 12 * 1024 * 1024;

/** The host said no. Its code and message are the host's own words, safe to show. */
export class HostRefusal extends Error {
  override readonly name = 'HostRefusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

export interface HostLink {
  /** Throws HostRefusal where the host refuses. */
  http(call: HttpCall): HttpAnswer;
  /** JSON to JSON, as bytes of the caller's to keep. Throws HostRefusal where the host refuses. */
  call(request: Uint8Array): Uint8Array;
  log(level: number, text: string): void;
  /** Whether the contract links that function. */
  offers(name: HostFunction): boolean;
  /** A run begins: its log is empty. */
  restart(): void;
}

/** The origin of an address as the broker compares it, or undefined where it is no address. */
const originOf = (url: string): string | undefined => {
  try {
    return new URL(url).origin;
  } catch {
    return undefined;
  }
};

const refusalOf = (payload: Uint8Array): HostRefusal => {
  const parsed = parseJson<unknown>(payload);
  const { code, message } =
    parsed.ok && isRecord(parsed.value) ? parsed.value : { code: undefined, message: undefined };
  return new HostRefusal(
    typeof code === 'string' ? code : 'refused',
    typeof message === 'string' ? message : 'the host refused it',
  );
};

const encoder = new TextEncoder();

export const openHostLink = (
  channel: Channel,
  { hostFunctions, origins }: Pick<LoadHeader, 'hostFunctions' | 'origins'>,
): HostLink => {
  const aliases = new Map(origins.map(({ alias, origin }) => [originOf(origin) ?? origin, alias]));
  const functionByte = new Uint8Array(1);
  const levelByte = new Uint8Array(1);
  let logBytesLeft = LOG_BYTES_MAX;

  /** The answer's payload: a view that is good until the next frame. */
  const ask = (fn: number, request: Uint8Array): Uint8Array => {
    if (request.length > HOST_CALL_BYTES_MAX)
      throw new HostRefusal(
        'request-too-large',
        `${request.length} bytes; the limit is ${HOST_CALL_BYTES_MAX}`,
      );
    functionByte[0] = fn;
    channel.send(FROM_RUNNER.hostCall, functionByte, request);
    const reply = channel.receive();
    if (reply === undefined || reply.type !== TO_RUNNER.reply)
      // Nothing sensible can follow: the process ends, which the host sees.
      throw new HostGone(`a reply was awaited; ${reply?.type ?? 'the end'} came`);
    const payload = reply.payload.subarray(1);
    if (reply.payload[0] === REPLY_STATUS.ok) return payload;
    throw refusalOf(payload);
  };

  const sendLog = (level: number, text: Uint8Array): void => {
    levelByte[0] = level;
    channel.send(FROM_RUNNER.log, levelByte, text);
  };

  return {
    http(call) {
      const origin = originOf(call.url);
      const alias = call.alias ?? (origin === undefined ? undefined : aliases.get(origin));
      const named = alias === undefined ? call : { ...call, alias };
      const payload = ask(HOST_FUNCTIONS.http, encoder.encode(JSON.stringify(named)));
      const parsed = parseJson<HttpAnswer>(payload, { bytesMax: REPLY_BYTES_MAX });
      if (!parsed.ok) throw new HostGone(`the reply is ${parsed.reason}`);
      return parsed.value;
    },
    call: (request) => ask(HOST_FUNCTIONS.call, request).slice(),
    log(level, text) {
      if (logBytesLeft === 0 || !hostFunctions.includes('log')) return;
      const bytes = utf8Prefix(plainText(text), logBytesLeft);
      logBytesLeft -= bytes.length;
      if (bytes.length > 0) sendLog(level, bytes);
      // What is left is less than a character, or the text was longer.
      if (logBytesLeft < 4) {
        logBytesLeft = 0;
        sendLog(LOG_LEVEL.warn, encoder.encode(`log cut at ${LOG_BYTES_MAX} bytes`));
      }
    },
    offers: (name) => hostFunctions.includes(name),
    restart() {
      logBytesLeft = LOG_BYTES_MAX;
    },
  };
};

/** The host broke the pipe's rules or is gone. Ends the process, through every catch that stands in the guest's way. */
export class HostGone extends Error {
  override readonly name = 'HostGone';
}
