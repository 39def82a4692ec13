/**
 * Frames between a runner host and its runner: u32 length (little endian, of what follows), u8 type, payload. Both sides
 * use this file; only the host's side has to withstand what the other says.
 *
 * F1  A length above the limit of its direction is refused before anything is allocated.
 * F2  One call at a time, and one host call at a time: a frame that nobody asked for ends the runner.
 */

/** What the host says. */
export const TO_RUNNER = {
  /** JSON `LoadHeader` (u32 length before it), then the module's bytes. Answered by LOADED. */
  load: 0x01,
  /** u16 length and UTF-8 of the entrypoint, then the input. Answered by RESULT, after HOST_CALLs and LOGs. */
  call: 0x02,
  /** u8 status (REPLY_STATUS), then the payload. Answers HOST_CALL. */
  reply: 0x03,
  /** JSON `AdmitHeader` (u32 length before it), then the module's bytes. Answered by VERDICT. */
  admit: 0x04,
  /** The bytes of the QuickJS engine, once, before the first `js` module. Answered by LOADED. */
  engine: 0x05,
  /**
   * Tries what the layers should deny: u32 pid of the host (little endian), which is what the signal is tried on; empty:
   * the parent's. Answered by PROBED.
   */
  probe: 0x06,
} as const;

/** What the runner says. */
export const FROM_RUNNER = {
  /** JSON `Ready`: booted, before anything was loaded. */
  ready: 0x81,
  /** JSON `Loaded`. */
  loaded: 0x82,
  /** u8 status (RESULT_STATUS), f64 fuel used (little endian; 0 unless metered), then the output or a UTF-8 message. */
  result: 0x83,
  /** u8 function (HOST_FUNCTIONS), then its payload. The runner waits for REPLY. */
  hostCall: 0x84,
  /** JSON `Verdict`. */
  verdict: 0x85,
  /** JSON `Probed`. */
  probed: 0x86,
  /** u8 level (0 trace … 4 error), then UTF-8. Only while a call runs; needs no answer. */
  log: 0x87,
} as const;

/** Status of a result, in its first byte. */
export const RESULT_STATUS = {
  /** The payload is the output. */
  ok: 0,
  /** The module returned an error; the payload is its message. */
  failed: 1,
  /** It trapped or threw; the payload says how. */
  trapped: 2,
  /** The fuel ran out. */
  fuel: 3,
  /** The output is larger than a result may be; the payload says by how much. */
  output: 4,
} as const;

/** Functions that a guest reaches the host by, in the first byte of a host call. Payload and reply are JSON in UTF-8. */
export const HOST_FUNCTIONS = {
  /** `HttpCall` → `HttpAnswer`. */
  http: 1,
  /** JSON → JSON: what the embedder of the host offers; a null call measures the way there and back. */
  call: 2,
} as const;

export const REPLY_STATUS = {
  ok: 0,
  /** The payload is JSON `{code, message}`. */
  refused: 1,
} as const;

/** Bytes of one frame to a runner: a module and its header. */
export const TO_RUNNER_BYTES_MAX = 17 * 1024 * 1024;
/** Bytes of one frame from a runner: a result and its head. */
export const FROM_RUNNER_BYTES_MAX = 8 * 1024 * 1024 + 64;
/** Bytes of one host call: a body of 1 MiB in Base64, its URL and its headers. */
export const HOST_CALL_BYTES_MAX = 1536 * 1024;
export const FRAME_HEAD_BYTES = 5;

export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** One frame as bytes; parts are joined. */
export const encodeFrame = (type: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = new Uint8Array(FRAME_HEAD_BYTES + bytes);
  new DataView(frame.buffer).setUint32(0, bytes + 1, true);
  frame[4] = type;
  let at = FRAME_HEAD_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
};

/** A payload that begins with a header: u32 length, JSON. */
export const withHeader = (header: unknown, rest: Uint8Array = new Uint8Array()): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const payload = new Uint8Array(4 + json.length + rest.length);
  new DataView(payload.buffer).setUint32(0, json.length, true);
  payload.set(json, 4);
  payload.set(rest, 4 + json.length);
  return payload;
};

/** The header's bytes and what follows it; undefined where the length lies. */
export const splitHeader = (
  payload: Uint8Array,
): { readonly header: Uint8Array; readonly rest: Uint8Array } | undefined => {
  if (payload.length < 4) return undefined;
  const bytes = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  if (bytes > payload.length - 4) return undefined;
  return { header: payload.subarray(4, 4 + bytes), rest: payload.subarray(4 + bytes) };
};
