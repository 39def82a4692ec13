/** All cases, by group. Their numbers are permanent; each stands once. */
import { ok } from 'node:assert/strict';
import { BREACH } from './breach.ts';
import { BROKER } from './broker.ts';
import { CPU } from './cpu.ts';
import { CREDENTIALS } from './credentials.ts';
import { FORMAT } from './format.ts';
import { FUEL } from './fuel.ts';
import type { Ground } from './ground.ts';
import { IMPORTS } from './imports.ts';
import { ISOLATION } from './isolation.ts';
import { MEMORY } from './memory.ts';
import { TIMING } from './timing.ts';
import { GROUPS, type ContainmentCase, type Group } from './words.ts';

const BY_GROUP: Readonly<Record<Group, readonly ContainmentCase<Ground>[]>> = {
  cpu: CPU,
  memory: MEMORY,
  format: FORMAT,
  fuel: FUEL,
  imports: IMPORTS,
  broker: BROKER,
  credentials: CREDENTIALS,
  isolation: ISOLATION,
  breach: BREACH,
  timing: TIMING,
};

export const ALL_CASES: readonly (ContainmentCase<Ground> & { readonly group: Group })[] =
  GROUPS.flatMap((group) => BY_GROUP[group].map((one) => ({ ...one, group }))).toSorted(
    (one, other) => one.number - other.number,
  );

ok(
  new Set(ALL_CASES.map(({ number }) => number)).size === ALL_CASES.length,
  'a case number stands for one case',
);
