/** The account of runs in the sandbox, for one lease: what the executor asks and tells, as calls of its session. */
import { REASON_CHARS_MAX } from '@infrafabric/protocol';
import type { Digest, InputOf } from '@infrafabric/protocol';
import { FabricError } from '@infrafabric/sdk';
import type { Client, Lease, Session } from '@infrafabric/sdk';
import type { StoredBlob } from './blobs.ts';
import type { AdmittedModule, ChassisLink, RunRefusal } from './executors/chassis-link.ts';

export interface ChassisOfLease {
  readonly lease: Lease;
  readonly session: Session;
  /** The operator's: what a session that was revoked can tell no more. */
  readonly client: Client;
  readonly store: (bytes: Uint8Array) => Promise<StoredBlob>;
  readonly fetch: (digest: Digest) => Promise<Uint8Array | undefined>;
}

/** Refusals of a start that another host, or a word of an operator, changes: the task goes back and is not burnt. */
const UNFIT: ReadonlySet<string> = new Set(['isolation.too_low', 'contract.not_found']);
/** Refusals that say that the lease is over. */
const LOST: ReadonlySet<string> = new Set([
  'lease.stale',
  'lease.forged',
  'session.ended',
  'session.not_found',
]);

export const chassisOfLease = ({
  lease,
  session,
  client,
  store,
  fetch,
}: ChassisOfLease): ChassisLink => {
  const { taskId } = lease;
  const { fencingToken } = lease.grant;
  return {
    sessionId: session.sessionId,
    store,
    fetch,
    start: async ({ layers, ...facts }) => {
      try {
        const input = { taskId, fencingToken, ...facts, layers: [...layers] };
        return { kind: 'started', ...(await session.call('runs.start', input)) };
      } catch (cause) {
        return refusalOf(cause);
      }
    },
    record: async (module) => {
      await session.call('modules.record', await verdictOf(module));
    },
    note: async (runId, notes) => {
      await session.call('runs.note', { runId, notes: [...notes] });
    },
    end: async (runId, end) => {
      try {
        await session.call('runs.end', { runId, ...end });
      } catch (cause) {
        if (!(cause instanceof FabricError)) throw cause;
        // The realm ends runs of which it hears nothing: what was wanted is so.
        if (cause.code === 'run.ended') return;
        // Its session is over, and what was measured of the run is a fact all the same.
        await client.call('runs.end', { runId, ...end });
      }
    },
  };
};

/** What is written down of a module: the verdict with the admission and the engine that it holds for. */
export const verdictOf = async (module: AdmittedModule): Promise<InputOf<'modules.record'>> => {
  const { reason, ...rest } = module;
  // Only a run that has a module needs it: plans of commands start without.
  const { ADMISSION_VERSION } = await import('@infrafabric/fabric/chassis');
  return {
    ...rest,
    ...(reason === undefined ? {} : { reason: reason.slice(0, REASON_CHARS_MAX) }),
    admission: ADMISSION_VERSION,
    engine: process.versions.v8,
  };
};

const refusalOf = (cause: unknown): RunRefusal => {
  if (!(cause instanceof FabricError)) throw cause;
  const { detail, title } = cause.problem;
  const words = detail ?? title;
  if (LOST.has(cause.code)) return { kind: 'lost', detail: words };
  return { kind: UNFIT.has(cause.code) ? 'unfit' : 'refused', detail: words };
};
