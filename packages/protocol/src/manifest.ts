/**
 * Swarm manifests: profiles as people write them, with decimal dollars and snake_case names. Conversion is exact or
 * refused: money never passes through a rounding.
 */
import { z } from 'zod';
import { isBuiltInCapability } from './capabilities.ts';
import { SwarmId } from './ids.ts';
import {
  MODEL_CHARS_MAX,
  ownRelations,
  REPUTATION_PERMILLE_MAX,
  SwarmCapabilities,
  SwarmProfile,
  SwarmRelations,
  SwarmRole,
} from './profile.ts';

/** Swarms of one file. The largest plan of the seeds has seven; a file of more than this is generated, and can be split. */
export const MANIFEST_SWARMS_MAX = 1_000;
/** Decimals of a dollar: one micro-dollar. */
const USD_DECIMALS = 6;
const REPUTATION_DECIMALS = 3;
/**
 * A number of JSON or YAML is a double by the time we see it. Nine digits before the point and six behind are fifteen,
 * as many as a double always gives back as they were written (IEEE 754, DBL_DIG); with one more, cents could change.
 */
export const MANIFEST_USD_MAX = 999_999_999.999_999;

/** A decimal number without sign or exponent as an integer of its 10⁻ᵈ parts; undefined where it is none or is finer. */
const scaled = (text: string, decimals: number): number | undefined => {
  const [, whole = '', fraction = ''] = /^(\d{1,9})(?:\.(\d{1,30}))?$/.exec(text) ?? [];
  const digits = fraction.replace(/0+$/, '');
  if (whole === '' || digits.length > decimals) return undefined;
  return Number(whole + digits.padEnd(decimals, '0'));
};

/**
 * Micro-dollars of a decimal text of dollars, exactly. Undefined: it is negative, no decimal number, above
 * MANIFEST_USD_MAX, or finer than a micro-dollar.
 *
 * @example microUsdOfDollars('2.00') // 2_000_000
 */
export const microUsdOfDollars = (text: string): number | undefined => scaled(text, USD_DECIMALS);

/** Per mille of a decimal text from 0 to 1, exactly. Undefined: it is none, or has more than three decimals. */
export const permilleOfShare = (text: string): number | undefined => {
  const permille = scaled(text, REPUTATION_DECIMALS);
  return permille === undefined || permille > REPUTATION_PERMILLE_MAX ? undefined : permille;
};

/** Shortest decimal text that reads back as the same double (ECMA-262, Number::toString): what was written, or shorter. */
const textOf = (value: number): string => (value === 0 ? '0' : String(value));

/** A value that its range has refused already is not refused for its decimals too. */
const isOutside = (value: number, most: number): boolean => value < 0 || value > most;
const isExact = (value: number, read: (text: string) => number | undefined): boolean =>
  read(textOf(value)) !== undefined;

const Dollars = z
  .number()
  .min(0)
  .max(MANIFEST_USD_MAX)
  .refine((value) => isOutside(value, MANIFEST_USD_MAX) || isExact(value, microUsdOfDollars), {
    error: `has more than ${USD_DECIMALS} decimals, and a micro-dollar is the smallest amount`,
  })
  .describe('US dollars with at most six decimals');

const Reputation = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => isOutside(value, 1) || isExact(value, permilleOfShare), {
    error: `has more than ${REPUTATION_DECIMALS} decimals`,
  })
  .describe('From 0 to 1 with at most three decimals; absent: 1');

const BODY = {
  capabilities: SwarmCapabilities,
  cost_per_hour: Dollars,
  reputation_score: Reputation.optional(),
  /** All that the swarm may spend. */
  budget: Dollars.optional(),
  model: z.string().min(1).max(MODEL_CHARS_MAX).optional(),
  role: SwarmRole.optional(),
  relations: SwarmRelations.optional(),
};

/** One swarm. */
export const SwarmManifest = z.strictObject({ swarm_id: SwarmId, ...BODY });
export type SwarmManifest = z.infer<typeof SwarmManifest>;

/** Names that a manifest of one swarm may use. */
export const MANIFEST_FIELDS: readonly string[] = Object.keys(SwarmManifest.shape);

const SwarmBody = z.strictObject(BODY);
type SwarmBody = z.infer<typeof SwarmBody>;

/** Several swarms by id. `resource_policy` may stand beside them; it is for `policies.set`, and not read here. */
export const SwarmManifestFile = z.strictObject({
  resource_policy: z.unknown().optional(),
  swarm_profiles: z.record(SwarmId, SwarmBody),
});
export type SwarmManifestFile = z.infer<typeof SwarmManifestFile>;

/** Both forms, for the published JSON Schema. */
export const AnySwarmManifest = z.union([SwarmManifestFile, SwarmManifest]);

/** What is wrong with a manifest, at one field. */
export interface ManifestIssue {
  readonly path: readonly PropertyKey[];
  readonly what: string;
  /** What may stand there, where it can be said. */
  readonly mend: string;
  /** The word that nobody knows, a capability's or a field's; a caller that knows words may name the nearest. */
  readonly unknown?: { readonly kind: 'capability' | 'field'; readonly word: string };
}

export type ProfilesRead =
  | { readonly kind: 'profiles'; readonly profiles: readonly SwarmProfile[] }
  | { readonly kind: 'refused'; readonly issues: readonly ManifestIssue[] };

export type ProfileRead =
  | { readonly kind: 'profile'; readonly profile: SwarmProfile }
  | Extract<ProfilesRead, { readonly kind: 'refused' }>;

/** Whether a realm has defined a capability beside the built-in ones. */
export type KnownCapability = (id: string) => boolean;

const NONE: KnownCapability = () => false;

/**
 * The profile of a manifest of one swarm. Never throws for what the manifest holds: every problem comes back with its
 * field, unknown capabilities among them.
 */
export const profileOf = (manifest: unknown, known: KnownCapability = NONE): ProfileRead => {
  const parsed = SwarmManifest.safeParse(manifest);
  if (!parsed.success) return refusedBy(parsed.error);
  const { swarm_id: swarmId, ...body } = parsed.data;
  const issues = issuesOf(swarmId, body, [], known);
  if (issues.length > 0) return { kind: 'refused', issues };
  return { kind: 'profile', profile: profileFrom(swarmId, body) };
};

/** The profiles of either form, in the order of the file. */
export const profilesOf = (manifest: unknown, known: KnownCapability = NONE): ProfilesRead => {
  if (!isFileForm(manifest)) {
    const read = profileOf(manifest, known);
    return read.kind === 'refused' ? read : { kind: 'profiles', profiles: [read.profile] };
  }
  const parsed = SwarmManifestFile.safeParse(manifest);
  if (!parsed.success) return refusedBy(parsed.error);
  const swarms = Object.entries(parsed.data.swarm_profiles);
  if (swarms.length === 0 || swarms.length > MANIFEST_SWARMS_MAX) {
    const what = `has ${swarms.length} swarms`;
    const mend = `1 to ${MANIFEST_SWARMS_MAX} swarms`;
    return { kind: 'refused', issues: [{ path: ['swarm_profiles'], what, mend }] };
  }
  const issues = swarms.flatMap(([id, body]) => issuesOf(id, body, ['swarm_profiles', id], known));
  if (issues.length > 0) return { kind: 'refused', issues };
  // The record's own schema has parsed its keys.
  const profiles = swarms.map(([id, body]) => profileFrom(SwarmId.parse(id), body));
  return { kind: 'profiles', profiles };
};

const isFileForm = (manifest: unknown): boolean =>
  typeof manifest === 'object' && manifest !== null && 'swarm_profiles' in manifest;

/** Members in the order of the profile's schema, none of them undefined. Amounts were found exact by their schemas. */
const profileFrom = (swarmId: SwarmId, body: SwarmBody): SwarmProfile => {
  const exact = (
    value: number | undefined,
    read: (text: string) => number | undefined,
  ): number | undefined => (value === undefined ? undefined : read(textOf(value)));
  return SwarmProfile.parse({
    swarmId,
    capabilities: body.capabilities,
    costPerHourMicroUsd: exact(body.cost_per_hour, microUsdOfDollars),
    ...present('reputationPermille', exact(body.reputation_score, permilleOfShare)),
    ...present('model', body.model),
    ...present('limitMicroUsd', exact(body.budget, microUsdOfDollars)),
    ...present('role', body.role),
    ...present('relations', body.relations),
  });
};

const present = (name: string, value: unknown): Readonly<Record<string, unknown>> =>
  value === undefined ? {} : { [name]: value };

/** What the schema of one field cannot see. */
const issuesOf = (
  swarmId: string,
  body: SwarmBody,
  path: readonly PropertyKey[],
  known: KnownCapability,
): readonly ManifestIssue[] => [
  ...unknownCapabilities(body, path, known),
  ...ownRelations(swarmId, body.relations).map((index) => ({
    path: [...path, 'relations', index, 'with'],
    what: 'is the swarm itself',
    mend: 'name another swarm, or leave the relation out',
  })),
];

const unknownCapabilities = (
  { capabilities }: SwarmBody,
  path: readonly PropertyKey[],
  known: KnownCapability,
): readonly ManifestIssue[] =>
  capabilities.flatMap((id, index) =>
    isBuiltInCapability(id) || known(id)
      ? []
      : [
          {
            path: [...path, 'capabilities', index],
            what: `nobody has defined the capability “${id}”`,
            mend: 'take a built-in one, or define it first',
            unknown: { kind: 'capability', word: id } as const,
          },
        ],
  );

const refusedBy = ({ issues }: z.ZodError): Extract<ProfilesRead, { kind: 'refused' }> => ({
  kind: 'refused',
  issues: issues.flatMap(explain),
});

/** The schema's complaint in words of the manifest. Values are not repeated: they may be long. */
const explain = (issue: z.core.$ZodIssue): readonly ManifestIssue[] => {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((word) => ({
        path: [...path, word],
        what: 'is no field here',
        mend: `fields of a swarm: ${MANIFEST_FIELDS.join(', ')}`,
        unknown: { kind: 'field', word } as const,
      }));
    case 'invalid_type':
      return [
        issue.input === undefined && issue.message.endsWith('received undefined')
          ? { path, what: 'is missing', mend: `add it; it is of type ${issue.expected}` }
          : { path, what: `is not of type ${issue.expected}`, mend: `write a ${issue.expected}` },
      ];
    case 'too_small':
      return [small(path, issue)];
    case 'too_big':
      return [{ path, what: 'is larger than it may be', mend: `at most ${issue.maximum}` }];
    case 'invalid_value':
      return [
        { path, what: 'is none of the allowed values', mend: `one of: ${issue.values.join(', ')}` },
      ];
    case 'invalid_key':
      return [{ path, what: 'is not a swarm id', mend: 'a–z, 0–9 and . _ - only, 64 at most' }];
    default:
      return [{ path, what: issue.message, mend: 'see docs/reference/swarm.schema.json' }];
  }
};

const small = (
  path: readonly PropertyKey[],
  { minimum, origin }: { readonly minimum: number | bigint; readonly origin: string },
): ManifestIssue => {
  if (origin === 'number') {
    return { path, what: 'is negative', mend: `at least ${minimum}` };
  }
  return { path, what: 'is empty', mend: `at least ${minimum}` };
};
