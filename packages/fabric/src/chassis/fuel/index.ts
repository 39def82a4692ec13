export { meterModule, type Metered } from './meter.ts';
