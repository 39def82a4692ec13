/** All operations, by name. Every surface is a loop over this table. */
import type { z } from 'zod';
import type { Operation } from './operation.ts';
import { contractOperations, runOperations, standingOperations } from './rooms/chassis/index.ts';
import {
  blockerOperations,
  planOperations,
  sessionOperations,
  taskOperations,
} from './rooms/coordinator/index.ts';
import {
  breakerOperations,
  budgetOperations,
  escalationOperations,
  policyOperations,
  swarmOperations,
} from './rooms/governor/index.ts';
import { costOperations } from './rooms/optimise-costs.ts';
import { optimiseOperations } from './rooms/optimise.ts';
import { realmOperations } from './rooms/realm.ts';
import { witnessOperations } from './rooms/witness.ts';

export const OPERATIONS = [
  ...planOperations,
  ...taskOperations,
  ...sessionOperations,
  ...blockerOperations,
  ...swarmOperations,
  ...budgetOperations,
  ...breakerOperations,
  ...policyOperations,
  ...escalationOperations,
  ...optimiseOperations,
  ...costOperations,
  ...contractOperations,
  ...runOperations,
  ...standingOperations,
  ...realmOperations,
  ...witnessOperations,
] as const;

export type AnyOperation = (typeof OPERATIONS)[number];
export type OperationName = AnyOperation['name'];
export type OperationOf<N extends OperationName> = Extract<AnyOperation, { readonly name: N }>;
/** What a caller sends, before defaults and brands. */
export type InputOf<N extends OperationName> = z.input<OperationOf<N>['input']>;
/** What a handler gets. */
export type ParsedOf<N extends OperationName> = z.output<OperationOf<N>['input']>;
export type OutputOf<N extends OperationName> = z.output<OperationOf<N>['output']>;

const byName: ReadonlyMap<string, Operation> = new Map(
  OPERATIONS.map((operation) => [operation.name, operation]),
);

export const findOperation = (name: string): Operation | undefined => byName.get(name);
export const isOperationName = (name: string): name is OperationName => byName.has(name);
