/** What the names of a repository's files say: languages by their share, tools by their files. */
import type { Sign } from './signs.ts';

const LANGUAGES: Readonly<Record<string, string>> = {
  c: 'c h',
  cpp: 'cc cpp cxx hh hpp hxx',
  csharp: 'cs',
  elixir: 'erl ex exs',
  go: 'go',
  java: 'java',
  javascript: 'cjs js jsx mjs',
  kotlin: 'kt kts',
  php: 'php',
  python: 'py pyi',
  ruby: 'rb',
  rust: 'rs',
  scala: 'sc scala',
  shell: 'bash sh zsh',
  sql: 'sql',
  swift: 'swift',
  typescript: 'cts mts ts tsx',
  wasm: 'wast wat wit',
};

/** File name extension → language of `code-analysis`. */
export const LANGUAGE_OF_EXTENSION: ReadonlyMap<string, string> = new Map(
  Object.entries(LANGUAGES).flatMap(([language, extensions]) =>
    extensions.split(' ').map((extension): [string, string] => [extension, language]),
  ),
);

/** Below this share of all sources a language is a script on the side. */
const SHARE_PERMILLE_MIN = 20;
/** A language that is there at all, and what each per mille of share adds: sure at one half. */
const SHARE_BASE_PERMILLE = 300;
const SHARE_SLOPE = 1.2;
const SHARE_WEIGHT_MAX = 900;

/** Files whose name says what they are for. Weight: how often a repository with one is worked on by people who can do it. */
const FILE_RULES: readonly (readonly [
  pattern: RegExp,
  capability: string,
  weightPermille: number,
  why: string,
])[] = [
  [/(^|\/)Cargo\.toml$/, 'code-analysis:rust', 600, 'a package of Rust'],
  [/(^|\/)go\.mod$/, 'code-analysis:go', 600, 'a module of Go'],
  [
    /(^|\/)(pyproject\.toml|requirements[\w-]*\.txt|setup\.py)$/,
    'code-analysis:python',
    600,
    'a package of Python',
  ],
  [/(^|\/)tsconfig[\w.-]*\.json$/, 'code-analysis:typescript', 600, 'settings of TypeScript'],
  [/(^|\/)pom\.xml$/, 'code-analysis:java', 600, 'a project of Maven'],
  [/(^|\/)Gemfile$/, 'code-analysis:ruby', 600, 'a bundle of Ruby'],
  [/(^|\/)composer\.json$/, 'code-analysis:php', 600, 'a package of PHP'],
  [/\.csproj$/, 'code-analysis:csharp', 600, 'a project of .NET'],
  [/(^|\/)Package\.swift$/, 'code-analysis:swift', 600, 'a package of Swift'],
  [/(^|\/)mix\.exs$/, 'code-analysis:elixir', 600, 'a project of Mix'],
  [/(^|\/)build\.sbt$/, 'code-analysis:scala', 600, 'a build of sbt'],
  [/\.(wasm|wit)$/, 'code-analysis:wasm', 500, 'a WebAssembly module or interface'],
  [/(^|\/)(Dockerfile|Containerfile)[\w.-]*$/, 'devops:containers', 800, 'builds an image'],
  [/(^|\/)(docker-)?compose[\w.-]*\.ya?ml$/, 'devops:containers', 700, 'runs containers together'],
  [/\.tf$/, 'devops:infrastructure-as-code', 850, 'describes infrastructure'],
  [/(^|\/)(Chart|kustomization)\.ya?ml$/, 'devops:kubernetes', 850, 'deploys to Kubernetes'],
  [/^\.github\/workflows\/[^/]+\.ya?ml$/, 'devops:ci-cd', 800, 'a pipeline'],
  [/(^|\/)(\.gitlab-ci\.yml|Jenkinsfile|azure-pipelines\.yml)$/, 'devops:ci-cd', 800, 'a pipeline'],
  [
    /(^|\/)(openapi|swagger)[\w.-]*\.(ya?ml|json)$/i,
    'docs:api-design',
    800,
    'describes an interface',
  ],
  [
    /(^|\/)(openapi|swagger)[\w.-]*\.(ya?ml|json)$/i,
    'integration:http',
    600,
    'describes an interface',
  ],
  [/\.proto$/, 'integration:grpc', 700, 'protocol buffers'],
  [/\.(graphql|gql)$/, 'integration:graphql', 700, 'a schema or query of GraphQL'],
  [
    /(^|\/)(mkdocs\.ya?ml|docusaurus\.config\.\w+|antora\.yml)$/,
    'docs:technical-writing',
    700,
    'a site of documentation',
  ],
  [/(^|\/)docs\/.*\.(md|rst|adoc)$/, 'docs:technical-writing', 500, 'documentation'],
  [/\.vue$/, 'frontend:vue', 800, 'a component of Vue'],
  [/\.svelte$/, 'frontend:svelte', 800, 'a component of Svelte'],
  [/\.[jt]sx$/, 'frontend:react', 400, 'markup inside of a script'],
  [/\.(css|scss|less)$/, 'frontend:css', 500, 'a style sheet'],
  [
    /(^|\/)(test_[^/]+\.py|[^/]+(_test\.(go|py)|\.(test|spec)\.[cm]?[jt]sx?|Test\.(java|kt)))$/,
    'testing:unit',
    600,
    'a test',
  ],
  [/(^|\/)e2e\/.*\.[cm]?[jt]sx?$/, 'testing:end-to-end', 600, 'a test of a whole system'],
  [/(^|\/)fuzz_targets\/[^/]+\.rs$/, 'security:fuzzing', 800, 'a target of a fuzzer'],
  [/\.ipynb$/, 'data:analysis', 600, 'a notebook'],
];

/** Signs of one rule that are kept: evidence shows five. */
const SIGNS_PER_RULE_MAX = 5;

export const extensionOf = (path: string): string =>
  /\.([a-z]{1,8})$/i.exec(path)?.[1]?.toLowerCase() ?? '';

export const fileSigns = (paths: readonly string[]): readonly Sign[] => [
  ...languageSigns(paths),
  ...FILE_RULES.flatMap(([pattern, capability, weightPermille, why]) =>
    firstMatches(paths, pattern).map((path): Sign => ({
      capability,
      kind: 'project',
      weightPermille,
      path,
      why,
    })),
  ),
];

const firstMatches = (paths: readonly string[], pattern: RegExp): readonly string[] => {
  const found: string[] = [];
  for (const path of paths) {
    if (!pattern.test(path)) continue;
    found.push(path);
    if (found.length === SIGNS_PER_RULE_MAX) break;
  }
  return found;
};

const languageSigns = (paths: readonly string[]): readonly Sign[] => {
  const byLanguage = Map.groupBy(paths, (path) => LANGUAGE_OF_EXTENSION.get(extensionOf(path)));
  const sources = paths.length - (byLanguage.get(undefined)?.length ?? 0);
  const signs: Sign[] = [];
  for (const [language, files] of byLanguage) {
    const [first] = files;
    const sharePermille = Math.floor((files.length / sources) * 1_000);
    if (language === undefined || first === undefined || sharePermille < SHARE_PERMILLE_MIN)
      continue;
    const grown = SHARE_BASE_PERMILLE + Math.round(sharePermille * SHARE_SLOPE);
    signs.push({
      capability: `code-analysis:${languageOfHeaders(language, byLanguage)}`,
      kind: 'files',
      weightPermille: Math.min(SHARE_WEIGHT_MAX, grown),
      path: first,
      why: `${files.length} of ${sources} sources (${Math.floor(sharePermille / 10)} %)`,
    });
  }
  return signs;
};

/** `.h` is counted as C; where nearly nothing else of C is there, and C++ is, the headers are C++. */
const languageOfHeaders = (
  language: string,
  byLanguage: ReadonlyMap<string | undefined, readonly string[]>,
): string => {
  if (language !== 'c' || !byLanguage.has('cpp')) return language;
  const isHeader = (path: string): boolean => extensionOf(path) === 'h';
  const others = byLanguage.get('c')?.filter((path) => !isHeader(path)) ?? [];
  return others.length === 0 ? 'cpp' : 'c';
};
