/** The JSON Schema of a service contract, for editors: docs/reference/contract.schema.json. */
import { ServiceContract } from '@infrafabric/protocol';
import { z } from 'zod';
import { SHARES } from './contract-shares.ts';
import type { Share } from './contract-shares.ts';

/** A section with its shares as people write them. */
const sectionOf = (name: Share['section'], fields: z.core.$ZodLooseShape): z.ZodObject => {
  const shares = SHARES.filter(({ section }) => section === name);
  const rest = Object.entries(fields).filter(
    ([field]) => !shares.some((share) => share.field === field),
  );
  const written = shares.map(
    ({ word, says }) => [word, z.number().min(0).max(1).describe(says).optional()] as const,
  );
  return z.strictObject(Object.fromEntries([...rest, ...written]));
};

/** What people write. It checks less than `ifab contract check` does. */
const contractFile = () => {
  const { guarantees, reputation, ...fields } = ServiceContract.shape;
  return z.strictObject({
    ...fields,
    guarantees: sectionOf('guarantees', guarantees.unwrap().shape).optional(),
    reputation: sectionOf('reputation', reputation.unwrap().shape).optional(),
  });
};

/** The bytes of docs/reference/contract.schema.json: what people write, before defaults (`io: input`). */
export const contractJsonSchemaText = (): string => {
  const { $schema, ...schema } = z.toJSONSchema(contractFile(), {
    io: 'input',
    target: 'draft-2020-12',
  });
  const titled = {
    $schema,
    title: 'a service contract of InfraFabric, version 1',
    description:
      'What a module that nobody trusts may do, and what its provider promises. Guide: docs/guides/chassis.md.',
    ...schema,
  };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
};
