/** Operations of contracts and modules: what may run at all, and under which terms. */
import { z } from 'zod';
import { ModuleAbi, Provider, ServiceContract } from '../../contract.ts';
import { Digest, SwarmId, Timestamp } from '../../ids.ts';
import { REASON_CHARS_MAX } from '../../limits.ts';
import { ANYONE, defineOperation, OPERATORS, RUNNERS } from '../../operation.ts';
import { Count, Page } from '../../words.ts';

export const ContractRow = z.strictObject({
  swarmId: SwarmId,
  module: Digest,
  provider: Provider,
  version: z.string(),
  abi: ModuleAbi,
  entrypoints: z.array(z.string()),
  minLevel: Count,
  /** Of the contract's document, as canonical JSON. */
  digest: Digest,
  acceptedAt: Timestamp,
  acceptedBy: z.string(),
});
export type ContractRow = z.infer<typeof ContractRow>;

const Verdict = {
  digest: Digest,
  bytes: Count,
  abi: ModuleAbi,
  admitted: z.boolean(),
  /** Why it was refused. */
  reason: z.string().max(REASON_CHARS_MAX).optional(),
  /** Version of the admission that judged it. */
  admission: z.int().min(1),
  /** Version of V8 that it was judged with. */
  engine: z.string().min(1).max(64),
  /** Of its first memory, 64 KiB each. */
  memoryPages: Count.optional(),
  functions: Count.optional(),
};

export const ModuleRow = z.strictObject({ ...Verdict, recordedAt: Timestamp });
export type ModuleRow = z.infer<typeof ModuleRow>;

export const contractOperations = [
  defineOperation({
    name: 'contracts.accept',
    summary:
      'Take a contract: what a module may do in a swarm, and what its provider promises; another for the same pair replaces it.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ contract: ServiceContract }),
    output: z.strictObject({ swarmId: SwarmId, module: Digest, changed: z.boolean() }),
    errors: ['swarm.not_found', 'contract.too_many'],
  }),
  defineOperation({
    name: 'contracts.list',
    summary: 'Contracts in force: swarm, module, provider, entrypoints, least isolation.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ swarmId: SwarmId.optional(), provider: Provider.optional(), ...Page }),
    output: z.strictObject({ contracts: z.array(ContractRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'contracts.show',
    summary: 'One contract in force, whole.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ swarmId: SwarmId, module: Digest }),
    output: z.strictObject({
      contract: ServiceContract,
      digest: Digest,
      acceptedAt: Timestamp,
      acceptedBy: z.string(),
    }),
    errors: ['contract.not_found'],
  }),
  defineOperation({
    name: 'modules.record',
    summary: 'Write down what the admission said of a module; the newest verdict holds.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject(Verdict),
    output: z.strictObject({ digest: Digest, admitted: z.boolean(), changed: z.boolean() }),
    errors: [],
  }),
  defineOperation({
    name: 'modules.list',
    summary: 'Modules that were admitted or refused, with the verdict and its version.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ admitted: z.boolean().optional(), ...Page }),
    output: z.strictObject({ modules: z.array(ModuleRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;
