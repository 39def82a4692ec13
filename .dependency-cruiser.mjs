/**
 * The arrows that ARCHITECTURE.md draws. What is not named here as allowed is forbidden: a new arrow is a visible change.
 */

/** Which packages of ours a package may import, and which of npm's (undefined: whatever its package.json declares). */
const PACKAGES = {
  protocol: { ours: [], npm: ['zod'] },
  tlog: { ours: [], npm: ['@noble/hashes', '@noble/curves'] },
  core: { ours: ['protocol', 'tlog'], npm: [] },
  fabric: { ours: ['protocol', 'tlog', 'core'] },
  sdk: { ours: ['protocol', 'tlog'], npm: ['ws', '@types/ws'] },
  cli: { ours: ['protocol', 'tlog', 'sdk', 'fabric'] },
  dashboard: { ours: ['protocol', 'tlog', 'sdk'] },
  testkit: { ours: ['protocol', 'tlog', 'core', 'fabric', 'sdk'] },
  bench: { ours: ['protocol', 'tlog', 'core', 'fabric', 'sdk', 'testkit'] },
};

const TEST = '\\.test\\.tsx?$';
/** Folders of core that are not rooms. */
const SHARED_OF_CORE = 'kernel|commands|policies';

/** What tools write: never read as sources. */
const BUILT = 'dist|coverage|reports|\\.stryker-tmp|\\.tmp';

const either = (names) => (names.length === 0 ? '(?!)' : `(${names.join('|')})`);

/** Our packages and npm's that the sources of one package may reach. Its tests may use more (vitest, fast-check, testkit). */
function packageRules([name, { ours, npm }]) {
  const from = { path: `^packages/${name}/src/`, pathNot: TEST };
  const rules = [
    {
      name: `${name}-imports-ours`,
      comment: `ARCHITECTURE, packages: ${name} may import ${ours.join(', ') || 'no package of ours'}.`,
      severity: 'error',
      from,
      to: { path: '^packages/', pathNot: `^packages/${either([name, ...ours])}/` },
    },
  ];
  if (npm !== undefined) {
    rules.push({
      name: `${name}-imports-npm`,
      comment: `ARCHITECTURE, packages: ${name} may import ${npm.join(', ') || 'nothing of npm'}.`,
      severity: 'error',
      from,
      to: { path: 'node_modules/', pathNot: `node_modules/${either(npm)}/` },
    });
  }
  return rules;
}

export default {
  forbidden: [
    ...Object.entries(PACKAGES).flatMap(packageRules),
    {
      name: 'core-and-tlog-are-pure',
      comment: 'Time, ids, randomness and effects are arguments (STYLE, types).',
      severity: 'error',
      from: { path: '^packages/(core|tlog|protocol)/src/', pathNot: `${TEST}|/bin\\.ts$` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'rooms-never-import-rooms',
      comment:
        'A command that touches several rooms stands in core/src/commands (ARCHITECTURE, rooms).',
      severity: 'error',
      from: { path: `^packages/core/src/(?!(?:${SHARED_OF_CORE})/)([^/]+)/`, pathNot: TEST },
      to: { path: '^packages/core/src/', pathNot: '^packages/core/src/(kernel|$1)/' },
    },
    {
      name: 'kernel-runs-no-room',
      comment: 'It may name the types of their events, which are gone when it runs.',
      severity: 'error',
      from: { path: '^packages/core/src/kernel/', pathNot: TEST },
      to: {
        path: '^packages/core/src/',
        pathNot: '^packages/core/src/kernel/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'rooms-are-entered-by-their-door',
      comment: "Commands, policies and the world see a room's index.ts only.",
      severity: 'error',
      from: { path: '^packages/core/src/((commands|policies)/|[^/]+\\.ts$)', pathNot: TEST },
      to: {
        path: `^packages/core/src/(?!(?:${SHARED_OF_CORE})/)[^/]+/`,
        pathNot: '/index\\.ts$',
      },
    },
    {
      name: 'protocol-rooms-never-import-rooms',
      severity: 'error',
      from: { path: '^packages/protocol/src/rooms/([^/]+)\\.ts$', pathNot: TEST },
      to: { path: '^packages/protocol/src/(rooms/|registry\\.ts|index\\.ts)' },
    },
    {
      name: 'adapters-never-import-each-other',
      severity: 'error',
      from: { path: '^packages/fabric/src/adapters/([^/]+)/', pathNot: TEST },
      to: {
        path: '^packages/fabric/src/adapters/[^/]+/',
        pathNot: '^packages/fabric/src/adapters/$1/',
      },
    },
    {
      name: 'ports-know-no-adapter',
      severity: 'error',
      from: { path: '^packages/fabric/src/ports/', pathNot: TEST },
      to: { path: '^packages/fabric/src/(adapters|engine|rooms|surfaces)/' },
    },
    {
      name: 'adapters-know-no-engine',
      severity: 'error',
      from: { path: '^packages/fabric/src/adapters/', pathNot: TEST },
      to: { path: '^packages/fabric/src/(engine|rooms|surfaces)/' },
    },
    {
      name: 'chassis-knows-no-engine',
      comment:
        'Who runs foreign code holds no realm: it is another process, on another machine perhaps.',
      severity: 'error',
      from: { path: '^packages/fabric/src/chassis/', pathNot: TEST },
      to: {
        path: '^packages/fabric/src/(effects|engine|followers|rooms|surfaces|witness)/',
      },
    },
    {
      name: 'runners-hold-nothing-else',
      comment:
        'These become the one file in the jail: built-ins, each other and the QuickJS loader.',
      severity: 'error',
      from: {
        path: '^packages/fabric/src/chassis/((runner|admission|fuel)/|(frame|plain-text)\\.ts$)',
        pathNot: TEST,
      },
      to: {
        path: '.',
        pathNot:
          '^packages/fabric/src/chassis/((runner|admission|fuel)/|(frame|plain-text|words)\\.ts$)|node_modules/(quickjs-emscripten-core|@jitl)/|^(node:)?(fs|process|crypto|buffer|util|child_process|dgram|net|worker_threads)$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'sources-never-import-tests',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: TEST },
      to: { path: `(${TEST})|^tests/|^scripts/` },
    },
    {
      name: 'packages-are-entered-by-their-door',
      comment: 'What a package does not export is free to change.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/[^/]+/src/',
        pathNot: '^packages/($1/|[^/]+/src/index\\.tsx?$|fabric/src/chassis/index\\.ts$)',
        dependencyTypes: ['local'],
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      // A circle of types is gone when it runs, and two files may well know each other's shapes.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports it and it is no entry of its own: it is dead.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: `${TEST}|/(index|main|bin)\\.tsx?$|^(scripts|tests|examples)/|^packages/bench/|\\.d\\.ts$`,
      },
      to: {},
    },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: { path: '^packages/', pathNot: TEST },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-dependency-in-sources',
      severity: 'error',
      // A checkout bundles its runner itself; a package brings it bundled.
      from: {
        path: '^packages/(protocol|tlog|core|fabric|sdk|cli)/src/',
        pathNot: `${TEST}|^packages/fabric/src/chassis/runner-file\\.ts$`,
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '@types/' },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: [`^(${BUILT})/`, `^packages/[^/]+/(${BUILT})/`] },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
    skipAnalysisNotInRules: true,
  },
};
