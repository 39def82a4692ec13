/**
 * What the swarm that works on a repository can probably do: its own manifest says so, else languages, projects,
 * dependencies, imports and WebAssembly modules are signs of it. A proposal for a person, never a decision.
 */
import type { KnownCapability } from '@infrafabric/protocol';
import { printable, shortened } from '../plans/index.ts';
import { extensionOf, fileSigns } from './file-signs.ts';
import { importedNames, manifestOf, WORLD_OF_EXTENSION } from './module-names.ts';
import { capabilityOfModule } from './modules.ts';
import type { World } from './modules.ts';
import { findManifest } from './read-manifest.ts';
import { listRepository, readHead, withFile } from './repository.ts';
import type { Repository } from './repository.ts';
import { confidenceOf } from './signs.ts';
import type { Sign, SignKind } from './signs.ts';
import { readWasmCapabilities } from './wasm-section.ts';

export interface Detected {
  /** A CapabilityId; of a WebAssembly module or a manifest it need not be built in. */
  readonly capability: string;
  /** 1000: the repository's manifest says so; else below. */
  readonly confidencePermille: number;
  /** `path: why`, the strongest first, five at most, printable as they are. */
  readonly evidence: readonly string[];
}

export interface DetectOptions {
  /** Where git is looked for, as PATH has it; absent: files are found by a walk. */
  readonly searchPath?: string | undefined;
  /** Of a manifest with several swarms, the one to speak of; absent: all of them together. */
  readonly swarmId?: string | undefined;
  /** Capabilities of a manifest that are known though they are not built in. */
  readonly known?: KnownCapability;
  /** Told once where a limit kept something from being looked at. */
  readonly onCut?: (what: string) => void;
}

/** Sources that are read for imports: a sample of all. Two thousand show what a repository uses. */
const SOURCES_MAX = 2_000;
/** Imports stand at the head of a source. */
const SOURCE_BYTES_MAX = 32 * 1024;
/** Package manifests that are read; a large workspace has hundreds of them. */
const PROJECTS_MAX = 500;
const PROJECT_BYTES_MAX = 512 * 1024;
const WASM_FILES_MAX = 100;
/** Files open at a time: enough to keep a disk busy. */
const READS_AT_ONCE = 16;

const WEIGHT_OF_DEPENDENCY = 700;
/** One import may be an experiment; three files are work. */
const WEIGHT_OF_IMPORT = 400;
const WEIGHT_OF_IMPORTS = 700;
const IMPORTS_ARE_WORK = 3;
/** Its author wrote it into the module. */
const WEIGHT_OF_MODULE = 950;

const EVIDENCE_MAX = 5;
const EVIDENCE_CHARS_MAX = 160;
/** Below this a sign says nothing. */
const CONFIDENCE_PERMILLE_MIN = 300;

/**
 * Capabilities by confidence, then by id. Reads at most SOURCES_MAX + PROJECTS_MAX + WASM_FILES_MAX files, 320 MB in the
 * worst case and a few in most; runs nothing of the repository.
 *
 * @throws ManifestFault where the repository has a manifest that cannot be taken; the system's error where the root is
 *   no folder that can be read.
 */
export const detectCapabilities = async (
  root: string,
  { searchPath = '', swarmId, known = () => false, onCut = () => undefined }: DetectOptions = {},
): Promise<readonly Detected[]> => {
  const declared = await declaredCapabilities(root, swarmId, known);
  if (declared !== undefined) return declared;
  const repository = await listRepository(root, searchPath);
  if (repository.isCut) onCut('the repository has more files than are looked at');
  const signs = [
    ...fileSigns(repository.paths),
    ...(await dependencySigns(repository)),
    ...(await importSigns(repository)),
    ...(await moduleSigns(repository)),
  ];
  return detectedBy(signs);
};

const declaredCapabilities = async (
  root: string,
  swarmId: string | undefined,
  known: KnownCapability,
): Promise<readonly Detected[] | undefined> => {
  const manifest = await findManifest(root, known);
  if (manifest === undefined) return undefined;
  const { name, profiles } = manifest;
  const named = profiles.filter((profile) => swarmId === undefined || profile.swarmId === swarmId);
  const swarmsOf = Map.groupBy(
    named.flatMap((profile) =>
      profile.capabilities.map((capability): readonly [string, string] => [
        capability,
        profile.swarmId,
      ]),
    ),
    ([capability]) => capability,
  );
  return [...swarmsOf].toSorted(byKey).map(([capability, swarms]) => ({
    capability,
    confidencePermille: 1_000,
    evidence: swarms.slice(0, EVIDENCE_MAX).map(([, swarm]) => `${name}: a capability of ${swarm}`),
  }));
};

const byKey = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;

const detectedBy = (signs: readonly Sign[]): readonly Detected[] =>
  [...Map.groupBy(signs, ({ capability }) => capability)]
    .toSorted(byKey)
    .map(([capability, those]) => ({
      capability,
      confidencePermille: confidenceOf(those),
      evidence: evidenceOf(those),
    }))
    .filter(({ confidencePermille }) => confidencePermille >= CONFIDENCE_PERMILLE_MIN)
    .toSorted((one, other) => other.confidencePermille - one.confidencePermille);

/** The strongest sign of each path, and every kind of sign before a second one of a kind. */
const evidenceOf = (signs: readonly Sign[]): readonly string[] => {
  const strongest = signs.toSorted((one, other) => other.weightPermille - one.weightPermille);
  const texts = new Set<string>();
  const kinds = new Set<SignKind>();
  const firsts = strongest.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind));
  for (const { path, why } of [...firsts, ...strongest]) {
    texts.add(shortened(printable(`${path}: ${why}`), EVIDENCE_CHARS_MAX));
    if (texts.size === EVIDENCE_MAX) break;
  }
  return [...texts];
};

/**
 * So many of the paths, by a hash of their names: the same ones each time, and no rhythm of names (every hundredth file a
 * generated one) can hide what most files do.
 */
const sample = (paths: readonly string[], most: number): readonly string[] => {
  if (paths.length <= most) return paths;
  const hashed = paths.map((path): readonly [number, string] => [fnv1a(path), path]);
  const picked = hashed.toSorted(([one], [other]) => one - other).slice(0, most);
  return picked.map(([, path]) => path).toSorted();
};

/** FNV-1a of 32 bits over UTF-16 units (G. Fowler, L. Noll, P. Vo): spreads well, and nothing here needs secrecy. */
const fnv1a = (text: string): number => {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hash >>> 0;
};

/** Runs the work over all, a few at a time, and keeps the order. */
const inBatches = async <T, R>(
  items: readonly T[],
  work: (item: T) => Promise<readonly R[]>,
): Promise<readonly R[]> => {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += READS_AT_ONCE) {
    const batch = await Promise.all(items.slice(at, at + READS_AT_ONCE).map(work));
    for (const part of batch) results.push(...part);
  }
  return results;
};

const dependencySigns = (repository: Repository): Promise<readonly Sign[]> =>
  inBatches(
    sample(
      repository.paths.filter((path) => manifestOf(path) !== undefined),
      PROJECTS_MAX,
    ),
    async (path) => {
      const rule = manifestOf(path);
      const text = await readHead(repository, path, PROJECT_BYTES_MAX);
      if (rule === undefined || text === undefined) return [];
      return signsOfNames(rule.world, rule.names(text), path, 'dependency');
    },
  );

const importSigns = async (repository: Repository): Promise<readonly Sign[]> => {
  const sources = repository.paths.filter((path) => WORLD_OF_EXTENSION.has(extensionOf(path)));
  const signs = await inBatches(sample(sources, SOURCES_MAX), async (path) => {
    const world = WORLD_OF_EXTENSION.get(extensionOf(path));
    const text = await readHead(repository, path, SOURCE_BYTES_MAX);
    if (world === undefined || text === undefined) return [];
    return signsOfNames(world, importedNames(world, text), path, 'import');
  });
  const files = Map.groupBy(signs, ({ capability }) => capability);
  return signs.map((sign) => {
    const count = new Set(files.get(sign.capability)?.map(({ path }) => path)).size;
    return count < IMPORTS_ARE_WORK ? sign : { ...sign, weightPermille: WEIGHT_OF_IMPORTS };
  });
};

const signsOfNames = (
  world: World,
  names: readonly string[],
  path: string,
  kind: 'dependency' | 'import',
): readonly Sign[] =>
  names.flatMap((name) => {
    const capability = capabilityOfModule(world, name);
    if (capability === undefined) return [];
    const isDeclared = kind === 'dependency';
    const weightPermille = isDeclared ? WEIGHT_OF_DEPENDENCY : WEIGHT_OF_IMPORT;
    const why = `${isDeclared ? 'depends on' : 'imports'} ${name}`;
    return [{ capability, kind, weightPermille, path, why }];
  });

const moduleSigns = (repository: Repository): Promise<readonly Sign[]> =>
  inBatches(
    repository.paths.filter((path) => path.endsWith('.wasm')).slice(0, WASM_FILES_MAX),
    async (path) => {
      const ids = (await withFile(repository, path, readWasmCapabilities)) ?? [];
      return ids.map((capability): Sign => ({
        capability,
        kind: 'module',
        weightPermille: WEIGHT_OF_MODULE,
        path,
        why: 'its section ifab.capabilities says so',
      }));
    },
  );
