/** The JSON Schema of a service contract, for editors: docs/reference/contract.schema.json. */
import { ServiceContract } from '@infrafabric/protocol';
import { z } from 'zod';

/** The bytes of docs/reference/contract.schema.json: what people write, before defaults (`io: input`). */
export const contractJsonSchemaText = (): string => {
  const { $schema, ...schema } = z.toJSONSchema(ServiceContract, {
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
