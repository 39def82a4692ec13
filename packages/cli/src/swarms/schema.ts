/** The JSON Schema of a swarm manifest, for editors: point a YAML language server at docs/reference/swarm.schema.json. */
import { AnySwarmManifest } from '@infrafabric/protocol';
import { z } from 'zod';

/** What people write: one swarm, or a file of several. */
export const swarmJsonSchema = (): Readonly<Record<string, unknown>> => {
  const { $schema, ...schema } = z.toJSONSchema(AnySwarmManifest, {
    io: 'input',
    target: 'draft-2020-12',
  });
  return {
    $schema,
    title: 'ifab-swarm/1',
    description:
      'Swarms of InfraFabric: what they can do, what they cost, what they may spend, how they stand to each other.',
    ...schema,
  };
};

/** The bytes of docs/reference/swarm.schema.json. */
export const swarmJsonSchemaText = (): string =>
  `${JSON.stringify(swarmJsonSchema(), undefined, 2)}\n`;
