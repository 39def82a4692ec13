export { ADMISSION_VERSION, admitModule } from './admit.ts';
export { importablesOf, type Importable } from './imports.ts';
export type { RefusalCode } from './refusal.ts';
