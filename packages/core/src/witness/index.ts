/** The witness's door. */
export type { WitnessEvent } from './events.ts';
export { decideRecord } from './record.ts';
