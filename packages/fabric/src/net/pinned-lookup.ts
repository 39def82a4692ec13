/** A name is resolved once, judged, and then dialled as judged: nobody asks the DNS a second time (DNS rebinding). */
import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

/** All addresses of a name; rejects with the system's error where there are none. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (hostname) => systemLookup(hostname, { all: true });

/** The `lookup` of a connection. `net.connect` asks for one address or for all of them; both answers are `addresses`. */
export const answerWith =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_hostname, { all, family }, callback) => {
    const wanted = family === 4 || family === 6 ? family : undefined;
    const fitting = addresses.filter((each) => wanted === undefined || each.family === wanted);
    const [first] = fitting;
    if (first === undefined) {
      callback(Object.assign(new Error('no address of this family'), { code: 'ENOTFOUND' }), []);
    } else if (all === true) callback(null, [...fitting]);
    else callback(null, first.address, first.family);
  };
