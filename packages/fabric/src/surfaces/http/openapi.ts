import { ANYONE, ERRORS, OPERATIONS, problemOf, reject } from '@infrafabric/protocol';
import type { AnyOperation, ErrorCode } from '@infrafabric/protocol';
import {
  Evidence,
  FeedItem,
  GateResult,
  Grant,
  PhaseSpec,
  PlanRow,
  PlanSpec,
  SessionRow,
  ShellRun,
  TaskRow,
  TaskSpec,
} from '@infrafabric/protocol';
import { z } from 'zod';

// OpenAPI 3.1 from the registry: what the server parses with is what the document says, by
// construction.

type Json = Readonly<Record<string, unknown>>;

/** Schemas that appear often enough to have a name of their own in the document. */
const NAMED = {
  Evidence,
  FeedItem,
  GateResult,
  Grant,
  PhaseSpec,
  PlanRow,
  PlanSpec,
  SessionRow,
  ShellRun,
  TaskRow,
  TaskSpec,
} as const;

/** Refusals that any call may meet before its operation sees it. */
const ALWAYS: readonly ErrorCode[] = [
  'request.invalid',
  'request.malformed',
  'request.too_large',
  'request.too_deep',
  'auth.missing',
  'auth.invalid',
  'auth.expired',
  'auth.forbidden',
  'request.host',
  'request.origin',
  'fabric.overloaded',
  'fabric.starting',
  'fabric.stopping',
  'log.unavailable',
  'log.full',
  'log.outcome_unknown',
  'internal',
];

/** The document. Pure: the same registry and version give the same bytes. */
export function openapi(version: string): Json {
  const schemas: Record<string, unknown> = { Problem: problemSchema() };
  const paths: Record<string, unknown> = {};
  for (const operation of OPERATIONS) {
    if (!operation.callers.some((caller) => ANYONE.includes(caller))) continue;
    paths[`/v1/${operation.name}`] = { post: describe(operation, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'InfraFabric',
      version,
      description:
        'Every operation is POST /v1/<operation> with a JSON body. Errors are RFC 9457 problems with a stable code and a remedy.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(Object.entries(schemas).toSorted(byName)),
    },
  };
}

function describe(operation: AnyOperation, schemas: Record<string, unknown>): Json {
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key gives the first reply again.',
    schema: { type: 'string', minLength: 8, maxLength: 128 },
  };
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.name.split('.', 1)[0]],
    'x-effect': operation.effect,
    'x-callers': operation.callers.filter((caller) => ANYONE.includes(caller)),
    ...(operation.effect === 'write' ? { parameters: [key] } : {}),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemaOf(operation.input, 'input', schemas) } },
    },
    responses: {
      200: {
        description: 'Done; what it wrote is durable.',
        content: { 'application/json': { schema: schemaOf(operation.output, 'output', schemas) } },
      },
      ...refusals(operation.errors),
    },
  };
}

/** One response a status, which names the codes that share it. */
function refusals(errors: readonly ErrorCode[]): Json {
  const byStatus: Record<number, ErrorCode[]> = {};
  for (const code of new Set([...errors, ...ALWAYS])) {
    (byStatus[ERRORS[code].status] ??= []).push(code);
  }
  const content = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => [
      status,
      { description: codes.join(', '), content },
    ]),
  );
}

const nameOfInput = registryOf((name) => name);
/**
 * What is read may differ from what is written (defaults, rounding), so it has names of its own.
 */
const nameOfOutput = registryOf((name) => (name.endsWith('Row') ? name : `${name}Read`));

function registryOf(rename: (name: string) => string) {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(NAMED)) registry.add(schema, { id: rename(name) });
  return registry;
}

function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  schemas: Record<string, unknown>,
): Json {
  const {
    $schema: _,
    $defs,
    ...json
  } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    metadata: io === 'input' ? nameOfInput : nameOfOutput,
    // A rounded number is a number again; JSON Schema has no word for the rounding.
    unrepresentable: 'any',
  });
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const { id: _id, ...body } = definition;
    schemas[name] = rewriteRefs(body);
  }
  return rewriteRefs(json);
}

/** `$defs` of one schema become components of the document. */
function rewriteRefs(json: object): Json {
  const text = JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/');
  const rewritten: Json = JSON.parse(text);
  return rewritten;
}

function problemSchema(): Json {
  const example = problemOf(reject('task.leased', 'ada holds it until 12:00:30.'));
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'code', 'remedy', 'detail'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', enum: Object.keys(ERRORS) },
      remedy: { type: 'string', enum: ['fix-request', 'retry-later', 'give-up', 'report-bug'] },
      detail: { type: 'string' },
      facts: { type: 'object', additionalProperties: true },
      retryAfterMs: { type: 'integer' },
      trace: { type: 'string' },
    },
    examples: [example],
  };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
