/** Every attack of the containment suite that is a module. */
import type { ModuleAttack } from './attack.ts';
import { FORMAT_ATTACKS } from './attacks-format.ts';
import { FUEL_ATTACKS } from './attacks-fuel.ts';
import { IMPORT_ATTACKS } from './attacks-imports.ts';
import { MEMORY_ATTACKS } from './attacks-memory.ts';
import { TIME_ATTACKS } from './attacks-time.ts';

export type { AttackEnd, ModuleAttack } from './attack.ts';

/** In the order of their numbers; a number has one module or several. */
export const MODULE_ATTACKS: readonly ModuleAttack[] = [
  ...TIME_ATTACKS,
  ...MEMORY_ATTACKS,
  ...FORMAT_ATTACKS,
  ...FUEL_ATTACKS,
  ...IMPORT_ATTACKS,
].toSorted((one, other) => one.case - other.case);
