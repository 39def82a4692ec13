import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fabric } from '../../engine/fabric.ts';
import type { BlobStore, Log } from '../../engine/ports.ts';
import type { Metrics } from './metrics.ts';

// What the surfaces need of the rest of the fabric, and nothing more.

/** What the witness serves to everybody: it proves the log and says nothing of what is in it. */
export interface WitnessReads {
  /** The newest signed checkpoint, as a C2SP note; `undefined` before the first. */
  checkpoint(): Promise<string | undefined>;
  /** Bytes of a tile or bundle by its C2SP path (`tile/0/000`); `undefined` when there is none. */
  tile(path: string): Promise<Uint8Array | undefined>;
}

/**
 * A further surface on the same listener (MCP, the dashboard's files): everything below `path`,
 * behind the Host and Origin checks and before the routes of this one. It authenticates for
 * itself.
 */
export interface Mount {
  readonly path: string;
  /** `metrics`: the listener's own; whoever serves operations counts them there. */
  readonly serve: (incoming: IncomingMessage, outgoing: ServerResponse, metrics: Metrics) => void;
}

/** What every route of the surface works with. */
export interface Parts {
  readonly fabric: Fabric;
  readonly witness: WitnessReads;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Aborts when the surface begins to close: streams end, new calls are refused. */
  readonly closing: AbortSignal;
}
