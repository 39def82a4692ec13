/** From a LOAD frame to a guest: digest, then the way that the ABI needs. */
import { plainText } from '../plain-text.ts';
import type { LoadHeader } from '../words.ts';
import { realAmbient, seededAmbient } from './ambient.ts';
import { crypto } from './builtins.ts';
import type { Channel } from './channel.ts';
import { LinkRefusal } from './guest.ts';
import type { Guest, LoadContext, MeterModule } from './guest.ts';
import { openHostLink } from './host-link.ts';
import { loadJs } from './js-guest.ts';
import { ENGINE_PAGES_MIN } from './quickjs-engine.ts';
import type { QuickJs } from './quickjs-engine.ts';
import { describeThrown, MESSAGE_BYTES_MAX } from './text.ts';
import { loadWasm } from './wasm-guest.ts';

export interface LoadRequest {
  readonly header: LoadHeader;
  readonly bytes: Uint8Array;
  readonly channel: Channel;
  /** Once the host has sent it; only `js` modules need it. */
  readonly engine: QuickJs | undefined;
  readonly meterModule: MeterModule;
}

export type GuestLoaded =
  | { readonly ok: true; readonly guest: Guest }
  | { readonly ok: false; readonly reason: string };

const open = (context: LoadContext, engine: QuickJs | undefined): Guest => {
  if (context.header.abi !== 'js') return loadWasm(context);
  if (engine === undefined) throw new LinkRefusal('the engine of JavaScript was not sent before');
  if (context.header.memoryPagesMax < ENGINE_PAGES_MIN)
    throw new LinkRefusal('JavaScript needs a memory of 16 MiB or more');
  return loadJs(context, engine);
};

/**
 * Checks the digest again, compiles and links. Nothing of the module runs. Every failure is a value: what V8 or the
 * linker threw is the reason, without control characters.
 */
export const loadGuest = ({
  header,
  bytes,
  channel,
  engine,
  meterModule,
}: LoadRequest): GuestLoaded => {
  const digest = crypto().createHash('sha256').update(bytes).digest('hex');
  if (digest !== header.sha256)
    return { ok: false, reason: `the bytes are of sha256 ${digest}, not ${header.sha256}` };
  const { deterministic } = header;
  const ambient = deterministic === undefined ? realAmbient() : seededAmbient(deterministic.seed);
  try {
    const link = openHostLink(channel, header);
    return { ok: true, guest: open({ header, bytes, link, ambient, meterModule }, engine) };
  } catch (thrown) {
    const reason = thrown instanceof LinkRefusal ? thrown.message : describeThrown(thrown);
    return { ok: false, reason: plainText(reason).slice(0, MESSAGE_BYTES_MAX) };
  }
};
