/** The JSON Schema of a policy's file, for editors: point a YAML language server at docs/reference/policy.schema.json. */
import {
  POLICY_PUBLISHERS_MAX,
  POLICY_RULES_MAX,
  PolicyAction,
  PolicyRule,
  PublisherIsolation,
  ResourcePolicy,
} from '@infrafabric/protocol';
import { z } from 'zod';
import { FIGURES } from './figures.ts';
import type { Figure } from './figures.ts';

const typeOf = ({ kind, field }: Figure): z.ZodType => {
  switch (kind) {
    case 'dollars':
      return z.number().min(0);
    case 'share':
      return z.number().min(0).max(1);
    case 'duration':
      return z.string().regex(/^\d+(ms|s|m|h|d)$/);
    case 'count':
    case 'word':
      return ResourcePolicy.shape[field];
  }
};

/** What people write. It checks less than `ifab policy check` does: no schema can run a rule's tests. */
const policyFile = () =>
  z.strictObject({
    resource_policy: z
      .strictObject(
        Object.fromEntries(
          FIGURES.map((figure) => [
            figure.name,
            typeOf(figure).describe(`${figure.says} (${figure.kind})`).optional(),
          ]),
        ),
      )
      .optional(),
    isolation: z
      .array(PublisherIsolation)
      .max(POLICY_PUBLISHERS_MAX)
      .describe(
        'least isolation of the modules of one provider, in the place of min_isolation_level',
      )
      .optional(),
    governs: z
      .array(PolicyAction)
      .describe('actions that are denied unless a rule permits them')
      .optional(),
    rules: z.array(PolicyRule).max(POLICY_RULES_MAX).optional(),
    swarm_profiles: z.unknown().optional(),
  });

/** The bytes of docs/reference/policy.schema.json. */
export const policyJsonSchemaText = (): string => {
  const { $schema, ...schema } = z.toJSONSchema(policyFile(), {
    io: 'input',
    target: 'draft-2020-12',
  });
  const titled = {
    $schema,
    title: 'a policy of InfraFabric',
    description: 'Figures and rules of the governor. Guide: docs/guides/policy.md.',
    ...schema,
  };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
};
