/** The JSON Schema of a plan, for editors: point a YAML language server at docs/reference/plan.schema.json. */
import { PlanSpec } from '@infrafabric/protocol';
import { z } from 'zod';

/** What people write, before defaults and roundings (`io: input`). */
export const planJsonSchema = (): Readonly<Record<string, unknown>> => {
  const { $schema, ...schema } = z.toJSONSchema(PlanSpec, { io: 'input', target: 'draft-2020-12' });
  return {
    $schema,
    title: 'ifab-plan/1',
    description:
      'A plan of InfraFabric: phases, tasks, their order, needs, gates and budgets. Guide: docs/guides/plans.md.',
    ...schema,
  };
};

/** The bytes of docs/reference/plan.schema.json. */
export const planJsonSchemaText = (): string =>
  `${JSON.stringify(planJsonSchema(), undefined, 2)}\n`;
