/** The witness's door. */
export { decideRecord } from './record.ts';
