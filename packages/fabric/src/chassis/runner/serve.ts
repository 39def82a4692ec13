/**
 * The runner's loop: receive a frame, act, answer. It is synchronous throughout; only making the QuickJS engine and
 * probing await, and they need no more than microtasks.
 *
 * R1  Every frame of the host gets exactly one answer, but for replies, which are read where they are awaited.
 * R2  No guest byte is compiled before its digest is the announced one.
 */
import { FROM_RUNNER, RESULT_STATUS, splitHeader, TO_RUNNER } from '../frame.ts';
import type { Frame } from '../frame.ts';
import { plainText } from '../plain-text.ts';
import type {
  AdmitHeader,
  Loaded,
  LoadHeader,
  Probed,
  ProbeAttempt,
  Ready,
  Verdict,
} from '../words.ts';
import type { Channel } from './channel.ts';
import type { Guest, MeterModule, RunResult } from './guest.ts';
import { parseJson } from './json.ts';
import type { Parsed } from './json.ts';
import { loadGuest } from './load.ts';
import type { QuickJs } from './quickjs-engine.ts';
import { describeThrown, MESSAGE_BYTES_MAX, utf8Prefix } from './text.ts';

/** What the loop calls; the main gives the real ones. */
export interface RunnerParts {
  readonly channel: Channel;
  readonly ready: Ready;
  /** Called once after READY was sent: what takes time and is of use to the first guest. */
  readonly warm: () => void;
  readonly admitModule: (bytes: Uint8Array, header: AdmitHeader) => Verdict;
  readonly meterModule: MeterModule;
  readonly openEngine: (bytes: Uint8Array) => Promise<QuickJs>;
  /** The pid is the host's; undefined where it did not say. */
  readonly probe: (hostPid: number | undefined) => Promise<readonly ProbeAttempt[]>;
}

/** The length of the entrypoint's name stands before it. */
const NAME_HEAD_BYTES = 2;
/** Status and fuel. */
const RESULT_HEAD_BYTES = 9;

/** What is kept from one frame to the next. */
interface Session {
  guest: Guest | undefined;
  engine: QuickJs | undefined;
  /** Whether runs use up the engine. */
  isScript: boolean;
}

const encoder = new TextEncoder();
const jsonBytes = (value: Loaded | Probed | Ready | Verdict): Uint8Array =>
  encoder.encode(JSON.stringify(value));

const readHeader = <T>(
  payload: Uint8Array,
): Parsed<{ readonly header: T; readonly bytes: Uint8Array }> => {
  const parts = splitHeader(payload);
  if (parts === undefined) return { ok: false, reason: 'no header' };
  const parsed = parseJson<T>(parts.header);
  if (!parsed.ok) return parsed;
  return { ok: true, value: { header: parsed.value, bytes: parts.rest } };
};

/** The parsed header of a load, and what to do about it once the engine fits. */
const load = (
  parts: RunnerParts,
  session: Session,
  payload: Uint8Array,
): Loaded | Promise<Loaded> => {
  session.guest = undefined;
  session.isScript = false;
  const parsed = readHeader<LoadHeader>(payload);
  if (!parsed.ok) return parsed;
  const { header, bytes } = parsed.value;
  const { engine } = session;
  const link = (): Loaded => {
    const { channel, meterModule } = parts;
    const loaded = loadGuest({ header, bytes, channel, meterModule, engine });
    if (!loaded.ok) return loaded;
    session.guest = loaded.guest;
    return { ok: true, exports: loaded.guest.exports };
  };
  if (header.abi !== 'js' || engine === undefined) return link();
  session.isScript = true;
  return engine.prepare(header.memoryPagesMax).then(link);
};

const admit = ({ admitModule }: RunnerParts, payload: Uint8Array): Verdict => {
  const parsed = readHeader<AdmitHeader>(payload);
  if (!parsed.ok) return { ok: false, code: 'no-header', reason: parsed.reason };
  return admitModule(parsed.value.bytes, parsed.value.header);
};

const call = ({ guest }: Session, payload: Uint8Array): RunResult => {
  if (guest === undefined)
    return { end: { kind: 'trapped', message: 'no module is loaded' }, fuelUsed: 0 };
  const nameBytes = (payload[0] ?? 0) | ((payload[1] ?? 0) << 8);
  const inputAt = Math.min(NAME_HEAD_BYTES + nameBytes, payload.length);
  // The fastest decoder of a few bytes that Node has.
  const { buffer, byteOffset } = payload;
  const from = byteOffset + Math.min(NAME_HEAD_BYTES, payload.length);
  const entrypoint = Buffer.from(buffer, from, byteOffset + inputAt - from).toString();
  return guest.run(entrypoint, payload.subarray(inputAt));
};

const openEngine = async (
  parts: RunnerParts,
  session: Session,
  payload: Uint8Array,
): Promise<Loaded> => {
  try {
    session.engine = await parts.openEngine(payload.slice());
    return { ok: true, exports: [] };
  } catch (thrown) {
    return { ok: false, reason: plainText(describeThrown(thrown)) };
  }
};

const probe = async (parts: RunnerParts, payload: Uint8Array): Promise<Probed> => {
  const { buffer, byteOffset } = payload;
  const hostPid =
    payload.length < 4 ? undefined : new DataView(buffer, byteOffset).getUint32(0, true);
  return { attempts: await parts.probe(hostPid) };
};

const resultHead = new Uint8Array(RESULT_HEAD_BYTES);
const resultView = new DataView(resultHead.buffer);

const sendResult = (channel: Channel, { end, fuelUsed }: RunResult): void => {
  resultHead[0] = RESULT_STATUS[end.kind];
  resultView.setFloat64(1, fuelUsed, true);
  const payload =
    end.kind === 'ok' ? end.output : utf8Prefix(plainText(end.message), MESSAGE_BYTES_MAX);
  channel.send(FROM_RUNNER.result, resultHead, payload);
};

/** The loop over one channel: says that it stands, then answers until the host closes the pipe. */
export const createRunner = (parts: RunnerParts) => {
  const { channel } = parts;
  const session: Session = { guest: undefined, engine: undefined, isScript: false };
  const answer = (type: number, value: Loaded | Probed | Ready | Verdict): void =>
    channel.send(type, jsonBytes(value));

  /** An engine for the next run of a script, made when the answer of the last one is on its way (Q1). */
  const renew = (): Promise<void> | undefined =>
    session.isScript ? session.engine?.prepare() : undefined;

  /** Answers a frame; a promise only where it cannot be done at once. */
  const act = ({ type, payload }: Frame): Promise<void> | undefined => {
    if (type === TO_RUNNER.call) {
      sendResult(channel, call(session, payload));
      return renew();
    }
    if (type === TO_RUNNER.load) {
      const loaded = load(parts, session, payload);
      if (loaded instanceof Promise)
        return loaded.then((it) => answer(FROM_RUNNER.loaded, it)).then(renew);
      answer(FROM_RUNNER.loaded, loaded);
    } else if (type === TO_RUNNER.admit) answer(FROM_RUNNER.verdict, admit(parts, payload));
    else if (type === TO_RUNNER.engine)
      return openEngine(parts, session, payload).then((it) => answer(FROM_RUNNER.loaded, it));
    else if (type === TO_RUNNER.probe)
      return probe(parts, payload).then((it) => answer(FROM_RUNNER.probed, it));
    else throw new Error(`a frame of type ${type} came unasked`);
    return undefined;
  };

  const serve = async (): Promise<void> => {
    answer(FROM_RUNNER.ready, parts.ready);
    parts.warm();
    for (;;) {
      const frame = channel.receive();
      if (frame === undefined) return;
      const later = act(frame);
      if (later !== undefined) await later;
    }
  };

  return { serve };
};
