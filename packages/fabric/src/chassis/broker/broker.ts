/**
 * The credential broker: the only part of the chassis that has a network. A guest names an alias and says what it wants
 * to ask there; the broker checks, counts, dials, adds the secret, and gives back the answer without it.
 *
 * What each part keeps is said where it stands: URLs U1–U3 (request-url.ts), rates R1–R4 (bucket.ts), handles K1–K5
 * (handles.ts), connections D1–D3 (dial.ts), calls B1–B4 (hop.ts).
 */
import { systemResolve, type Resolve } from '../../net/pinned-lookup.ts';
import type { SecretStore } from '../../ports/secret-store.ts';
import type { Broker, BrokerRun } from '../words.ts';
import { createRates } from './bucket.ts';
import { systemClock, type BrokerClock } from './clock.ts';
import { createHandles } from './handles.ts';
import type { StoreFault } from './hop.ts';
import { openRun } from './run.ts';

/** Longest life of one call, ms, five minutes: no credential lives longer. The run's own limit mostly ends it sooner. */
export const CALL_MS_MAX = 300_000;

export interface BrokerOptions {
  /** Where secrets come from; stays the caller's to close. */
  readonly store: SecretStore;
  /** All addresses of a name. Absent: the system's resolver. */
  readonly resolve?: Resolve;
  readonly clock?: BrokerClock;
  /** Authorities that upstreams are checked against, PEM. Absent: those that node trusts (NODE_EXTRA_CA_CERTS adds some). */
  readonly ca?: readonly string[];
  /** For the host's log: why a store gave no secret. The guest hears no more than the fault's code. */
  readonly onFault?: (fault: StoreFault) => void;
  /** Longest life of one call, ms; CALL_MS_MAX where absent. */
  readonly callMsMax?: number;
}

/**
 * A broker for the runs of one runner host.
 *
 * @example
 * const broker = createBroker({ store });
 * const run = broker.open({ tenant, taskId, runnerPid, limits, http, secrets, onNote });
 * const reply = await run.http({ alias: 'kamailio', method: 'POST', url: '/v1/reload' });
 * run.close('ended');
 */
export const createBroker = ({
  store,
  resolve = systemResolve,
  clock = systemClock,
  ca,
  onFault = () => undefined,
  callMsMax = CALL_MS_MAX,
}: BrokerOptions): Broker => {
  const handles = createHandles(clock);
  const rates = createRates();
  const runs = new Set<BrokerRun>();
  return {
    open: (options) => {
      const onClose = (): void => void runs.delete(run);
      const ports = { store, resolve, clock, ca, handles, rates, callMsMax, onFault, onClose };
      const run = openRun(options, ports);
      runs.add(run);
      return run;
    },
    revoke: (ref) => {
      handles.revoke(ref);
    },
    close: () => {
      // A run takes itself out; a Set may shrink while it is walked.
      for (const run of runs) run.close('ended');
    },
  };
};
