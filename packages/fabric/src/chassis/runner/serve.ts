/**
 * The runner's loop: receive a frame, act, answer. It is synchronous throughout; only making the QuickJS engine awaits,
 * and that needs no more than microtasks.
 *
 * R1  Every frame of the host gets exactly one answer, but for replies, which are read where they are awaited.
 * R2  No guest byte is compiled before its digest is the announced one.
 */
import { FROM_RUNNER, RESULT_STATUS, splitHeader, TO_RUNNER } from '../frame.ts';
import type {
  AdmitHeader,
  Loaded,
  LoadHeader,
  Probed,
  ProbeAttempt,
  Ready,
  Verdict,
} from '../words.ts';
import type { Frame } from '../frame.ts';
import type { Channel } from './channel.ts';
import type { Guest, MeterModule, RunResult } from './guest.ts';
import { parseJson } from './json.ts';
import type { Parsed } from './json.ts';
import type { QuickJs } from './quickjs-engine.ts';
import { loadGuest } from './load.ts';
import { describeThrown, MESSAGE_BYTES_MAX, plainText, utf8Prefix } from './text.ts';

/** What the loop calls; the main gives the real ones. */
export interface RunnerParts {
  readonly channel: Channel;
  readonly ready: Ready;
  readonly admitModule: (bytes: Uint8Array, header: AdmitHeader) => Verdict;
  readonly meterModule: MeterModule;
  readonly openEngine: (bytes: Uint8Array) => Promise<QuickJs>;
  /** The pid is the host's; undefined where it did not say. */
  readonly probe: (hostPid: number | undefined) => Promise<readonly ProbeAttempt[]>;
}

/** The length of the entrypoint's name stands before it. */
const ENTRYPOINT_HEAD_BYTES = 2;
const RESULT_HEAD_BYTES = 9;

const encoder = new TextEncoder();
const jsonBytes = (value: Loaded | Probed | Ready | Verdict): Uint8Array =>
  encoder.encode(JSON.stringify(value));

const readHeader = <T>(payload: Uint8Array): Parsed<{ header: T; bytes: Uint8Array }> => {
  const parts = splitHeader(payload);
  if (parts === undefined) return { ok: false, reason: 'no header' };
  const parsed = parseJson<T>(parts.header);
  if (!parsed.ok) return parsed;
  return { ok: true, value: { header: parsed.value, bytes: parts.rest } };
};

/** The loop over one channel; `act` answers one frame. */
export const createRunner = (parts: RunnerParts) => {
  const { channel } = parts;
  let guest: Guest | undefined;
  let engine: QuickJs | undefined;
  const resultHead = new Uint8Array(RESULT_HEAD_BYTES);
  const resultView = new DataView(resultHead.buffer);

  const load = (payload: Uint8Array): Loaded => {
    guest = undefined;
    const parsed = readHeader<LoadHeader>(payload);
    if (!parsed.ok) return parsed;
    const { header, bytes } = parsed.value;
    const loaded = loadGuest({ header, bytes, channel, engine, meterModule: parts.meterModule });
    if (!loaded.ok) return loaded;
    guest = loaded.guest;
    return { ok: true, exports: guest.exports };
  };

  const admit = (payload: Uint8Array): Verdict => {
    const parsed = readHeader<AdmitHeader>(payload);
    if (!parsed.ok) return { ok: false, code: 'no-header', reason: parsed.reason };
    return parts.admitModule(parsed.value.bytes, parsed.value.header);
  };

  const sendResult = ({ end, fuelUsed }: RunResult): void => {
    resultHead[0] = RESULT_STATUS[end.kind];
    resultView.setFloat64(1, fuelUsed, true);
    const payload =
      end.kind === 'ok' ? end.output : utf8Prefix(plainText(end.message), MESSAGE_BYTES_MAX);
    channel.send(FROM_RUNNER.result, resultHead, payload);
  };

  const call = (payload: Uint8Array): void => {
    const nameBytes = (payload[0] ?? 0) | ((payload[1] ?? 0) << 8);
    const inputAt = ENTRYPOINT_HEAD_BYTES + nameBytes;
    const entrypoint = Buffer.from(
      payload.buffer,
      payload.byteOffset + ENTRYPOINT_HEAD_BYTES,
      Math.min(nameBytes, payload.length - ENTRYPOINT_HEAD_BYTES),
    ).toString();
    if (guest === undefined)
      sendResult({ end: { kind: 'trapped', message: 'no module is loaded' }, fuelUsed: 0 });
    else sendResult(guest.run(entrypoint, payload.subarray(inputAt)));
  };

  const openEngine = async (payload: Uint8Array): Promise<Loaded> => {
    try {
      engine = await parts.openEngine(payload.slice());
      return { ok: true, exports: [] };
    } catch (thrown) {
      return { ok: false, reason: describeThrown(thrown) };
    }
  };

  const probe = async (payload: Uint8Array): Promise<Probed> => {
    const hostPid =
      payload.length < 4
        ? undefined
        : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    return { attempts: await parts.probe(hostPid) };
  };

  /** Answers a frame; a promise only for those that cannot be answered at once. */
  const act = ({ type, payload }: Frame): Promise<void> | undefined => {
    if (type === TO_RUNNER.call) {
      // A run that trapped within the engine spoiled it; renewing takes microtasks, so it is done between two runs.
      call(payload);
      if (engine?.spoiled === true) return engine.renew();
    } else if (type === TO_RUNNER.load) channel.send(FROM_RUNNER.loaded, jsonBytes(load(payload)));
    else if (type === TO_RUNNER.admit) channel.send(FROM_RUNNER.verdict, jsonBytes(admit(payload)));
    else if (type === TO_RUNNER.engine)
      return openEngine(payload).then((it) => channel.send(FROM_RUNNER.loaded, jsonBytes(it)));
    else if (type === TO_RUNNER.probe)
      return probe(payload).then((it) => channel.send(FROM_RUNNER.probed, jsonBytes(it)));
    else throw new Error(`a frame of type ${type} came unasked`);
    return undefined;
  };

  /** Says that it stands, then answers until the host closes the pipe. */
  const serve = async (): Promise<void> => {
    channel.send(FROM_RUNNER.ready, jsonBytes(parts.ready));
    for (;;) {
      const frame = channel.receive();
      if (frame === undefined) return;
      const later = act(frame);
      if (later !== undefined) await later;
    }
  };

  return { act, serve };
};
