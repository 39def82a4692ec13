/** Writes the generated index of the registry (rows.ts says what is in it). Only its test and nobody at run time loads zod. */
import { ANYONE, OPERATIONS } from '@infrafabric/protocol';
import { z } from 'zod';

/** What this reads of a JSON Schema. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

const schemaOf = (type: z.ZodType): Schema => {
  // JSON has no type of its own; what is read of it is checked by the golden text.
  const schema: Schema = JSON.parse(JSON.stringify(z.toJSONSchema(type, { io: 'input' })));
  return schema;
};

const kindOf = ({ type, enum: values, items }: Schema): string => {
  if (values !== undefined) return values.join('|');
  if (type === 'string') return 'string';
  if (type === 'integer') return 'int';
  if (type === 'boolean') return 'bool';
  return type === 'array' && items?.type === 'string' ? 'strings' : 'json';
};

/** The text of every operation that somebody outside the fabric may call. */
export const renderRegistryText = (): string =>
  OPERATIONS.filter(({ callers }) => callers.some((caller) => ANYONE.includes(caller)))
    .map(({ name, effect, callers, summary, input }) => {
      const { properties = {}, required = [] } = schemaOf(input);
      const fields = Object.entries(properties).map(
        ([field, schema]) => `  ${field}${required.includes(field) ? '!' : ''} ${kindOf(schema)}\n`,
      );
      return `${name} ${effect} ${callers.join(',')}: ${summary}\n${fields.join('')}`;
    })
    .join('');

/** The bytes of index-text.ts. */
export const renderIndexFile = (): string =>
  `/** Generated from the registry by registry.test.ts; \`vitest run packages/cli/src/registry -u\` writes it again. */
export const REGISTRY_TEXT = \`
${renderRegistryText()
  .trimEnd()
  .replaceAll('\\', '\\\\')
  .replaceAll('`', '\\`')
  .replaceAll('${', '\\${')}
\`;
`;
