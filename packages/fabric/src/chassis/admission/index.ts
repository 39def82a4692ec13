export { ADMISSION_VERSION, admitModule } from './admit.ts';
export { importablesOf } from './imports.ts';
