/**
 * Names of modules in text: what a package manifest depends on, what a source imports. By lines and simple patterns, not
 * by parsers: a name more or less is evidence more or less. The text is data; patterns need linear time, lines an end.
 */
import { isObject, parseJson } from '../plans/readers/json.ts';
import type { World } from './modules.ts';

/** A longer line is minified or generated. */
const LINE_CHARS_MAX = 500;
/** Names of one file; a large lock-free manifest has 300. */
const NAMES_MAX = 2_000;

const IMPORTS: Readonly<Record<World, RegExp>> = {
  // A statement stands at the start of its line; text about one, in a test or a page, mostly does not.
  js: /(?:^\s*(?:import|export|\})[^"']{0,300}|\brequire\(\s{0,9}|\bawait import\(\s{0,9})["']([^"'\s]{1,200})["']/g,
  py: /^\s*(?:import|from)\s+([A-Za-z_][\w.]{0,200})/g,
  rs: /^\s*(?:pub\s+)?(?:use|extern crate)\s+(?:::)?([A-Za-z_][\w:]{0,200})/g,
  go: /^\s*(?:import\s+)?(?:[\w.]+\s+)?"([^"\s]{1,200})"\s*$/g,
  jvm: /^\s*import\s+(?:static\s+)?([A-Za-z_][\w.]{0,200})/g,
  rb: /^\s*require\s+["']([^"'\s]{1,200})["']/g,
  php: /^\s*use\s+\\?([A-Za-z_][\w\\]{0,200})/g,
  cs: /^\s*(?:global\s+)?using\s+(?:static\s+)?([A-Za-z_][\w.]{0,200})\s*;/g,
  c: /^\s*#\s*(?:include|import)\s*[<"]([^>"\s]{1,200})[>"]/g,
  swift: /^\s*import\s+([A-Za-z_][\w.]{0,200})/g,
  ex: /^\s*(?:alias|import|use)\s+([A-Z][\w.]{0,200})/g,
};

const WORLDS: Readonly<Record<World, string>> = {
  js: 'js jsx mjs cjs ts tsx mts cts vue svelte',
  py: 'py pyi',
  rs: 'rs',
  go: 'go',
  jvm: 'java kt kts scala sc groovy',
  rb: 'rb',
  php: 'php',
  cs: 'cs',
  c: 'c h cc cpp cxx hh hpp hxx m mm',
  swift: 'swift',
  ex: 'ex exs',
};

const isWorld = (name: string): name is World => Object.hasOwn(IMPORTS, name);

/** Extension of a source → the world of its imports. */
export const WORLD_OF_EXTENSION: ReadonlyMap<string, World> = new Map(
  Object.entries(WORLDS).flatMap(([world, extensions]) =>
    isWorld(world) ? extensions.split(' ').map((one): [string, World] => [one, world]) : [],
  ),
);

export const importedNames = (world: World, text: string): readonly string[] =>
  namesByLine(text, [IMPORTS[world]]).filter((name) => !name.startsWith('.'));

interface ManifestRule {
  readonly file: RegExp;
  readonly world: World;
  readonly names: (text: string) => readonly string[];
}

const MANIFESTS: readonly ManifestRule[] = [
  {
    file: /(^|\/)package\.json$/,
    world: 'js',
    names: jsonNames('dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'),
  },
  { file: /(^|\/)composer\.json$/, world: 'php', names: jsonNames('require', 'require-dev') },
  {
    file: /(^|\/)(pyproject\.toml|setup\.py|setup\.cfg|Pipfile)$/,
    world: 'py',
    names: byLines(/["']([A-Za-z0-9][\w.-]{0,100})/g, /^\s*([A-Za-z0-9][\w.-]{0,100})\s*=/g),
  },
  {
    file: /(^|\/)requirements[\w.-]*\.txt$/,
    world: 'py',
    names: byLines(/^\s*([A-Za-z0-9][\w.-]{0,100})/g),
  },
  {
    file: /(^|\/)Cargo\.toml$/,
    world: 'rs',
    names: byLines(
      /^\s*([A-Za-z0-9][\w-]{0,100})(?:\.workspace)?\s*=/g,
      /^\[.*dependencies\.([\w-]{1,100})\]/g,
    ),
  },
  {
    file: /(^|\/)go\.mod$/,
    world: 'go',
    names: byLines(/^\s*(?:require\s+)?([\w.-]{1,100}\.[\w./-]{1,200})\s+v\d/g),
  },
  {
    file: /(^|\/)pom\.xml$/,
    world: 'jvm',
    names: byLines(/<(?:artifactId|groupId)>([^<\s]{1,200})</g),
  },
  {
    file: /\.gradle(\.kts)?$/,
    world: 'jvm',
    names: byLines(/["']([\w.-]{1,100}):[\w.-]{1,100}/g, /["'][\w.-]{1,100}:([\w.-]{1,100})/g),
  },
  { file: /(^|\/)Gemfile$|\.gemspec$/, world: 'rb', names: byLines(/["']([\w-]{1,100})["']/g) },
  { file: /\.csproj$/, world: 'cs', names: byLines(/Include="([\w.]{1,200})"/g) },
  { file: /(^|\/)Package\.swift$/, world: 'swift', names: byLines(/["']([\w.-]{1,100})["']/g) },
  { file: /(^|\/)mix\.exs$/, world: 'ex', names: byLines(/\{:(\w{1,100}),/g) },
  {
    file: /(^|\/)(CMakeLists\.txt|meson\.build|conanfile\.txt|vcpkg\.json)$/,
    world: 'c',
    names: byLines(
      /\b(?:find_package|dependency|pkg_check_modules)\s{0,9}\(\s{0,9}["']?([\w.-]{1,100})/g,
      /^\s*["']?([\w-]{1,100})["'/]/g,
    ),
  },
];

/** Of a file that declares dependencies: their world, and how its text names them. Undefined: it is no such file. */
export const manifestOf = (path: string): Omit<ManifestRule, 'file'> | undefined =>
  MANIFESTS.find(({ file }) => file.test(path));

function byLines(...patterns: readonly RegExp[]): (text: string) => readonly string[] {
  return (text) => namesByLine(text, patterns);
}

function jsonNames(...fields: readonly string[]): (text: string) => readonly string[] {
  return (text) => {
    const manifest = parseJson(text);
    if (!isObject(manifest)) return [];
    const names = fields.flatMap((field) => {
      const those = manifest[field];
      return isObject(those) ? Object.keys(those) : [];
    });
    return names.slice(0, NAMES_MAX);
  };
}

const namesByLine = (text: string, patterns: readonly RegExp[]): readonly string[] => {
  const names = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.length > LINE_CHARS_MAX) continue;
    for (const pattern of patterns) {
      for (const [, name] of line.matchAll(pattern)) if (name !== undefined) names.add(name);
    }
    if (names.size >= NAMES_MAX) break;
  }
  return [...names];
};
