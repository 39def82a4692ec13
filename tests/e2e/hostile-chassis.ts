/** Inputs of the chassis's operations that no fabric may take. */
const MODULE = `sha256:${'0'.repeat(64)}`;

/** A contract that could be accepted, and what is made wrong of it. */
const contract = (more: object = {}): object => ({
  contract: {
    contractVersion: 1,
    provider: 'eve',
    swarmId: 'red',
    version: '1.0.0',
    module: { digest: MODULE, abi: 'extism', entrypoints: ['run'] },
    hostFunctions: ['http'],
    http: [grant()],
    secrets: [secret()],
    ...more,
  },
});
const grant = (more: object = {}): object => ({
  alias: 'pbx',
  origin: 'https://pbx.example',
  methods: ['GET'],
  pathPrefix: '/v1/',
  ...more,
});
const secret = (more: object = {}): object => ({
  alias: 'pbx',
  ref: 'vault://pbx/key#token',
  inject: { header: 'authorization' },
  ...more,
});

const RUN = 'run_0000000000000000';
const measure = {
  queueMs: 0,
  wallMs: 1,
  cpuMs: 1,
  peakMemoryBytes: 0,
  apiCalls: 0,
  networkCalls: 0,
  sentBytes: 0,
  receivedBytes: 0,
  logBytes: 0,
};
const host = {
  level: 3,
  layers: ['process', 'seccomp'],
  node: 'v24.0.0',
  platform: 'linux-x64',
};

/** Well-formed, and its ids name nothing. */
export const UNKNOWN_CHASSIS: Readonly<Record<string, unknown>> = {
  'contracts.accept': contract({ swarmId: 'nothing' }),
  'contracts.show': { swarmId: 'nothing', module: MODULE },
  'runs.start': { taskId: 'nothing/a', fencingToken: 'forged-token-0000000000', ...host },
  'runs.note': {
    runId: RUN,
    notes: [{ kind: 'violation', violation: 'host', subject: 'evil.example' }],
  },
  'runs.end': { runId: RUN, cause: 'completed', measure },
  'runs.show': { runId: RUN },
  'slo.show': { swarmId: 'nothing' },
  'reputation.show': { swarmId: 'nothing' },
};

type Row = readonly [what: string, input: unknown, code: string];
const invalid = (rows: readonly (readonly [string, unknown])[]): readonly Row[] =>
  rows.map(([what, input]) => [what, input, 'request.invalid']);

/** Hostile inputs, each with the refusal that it must get; `held` is a lease of a task without a module. */
export const hostileChassis = (held: {
  readonly taskId: string;
  readonly fencingToken: string;
}): Readonly<Record<string, readonly Row[]>> => ({
  'contracts.accept': invalid([
    ['another version', contract({ contractVersion: 2 })],
    ['a field of its own', contract({ trusted: true })],
    ['a provider of many lines', contract({ provider: 'eve\ninfrafabric' })],
    ['no entrypoint', contract({ module: { digest: MODULE, abi: 'extism', entrypoints: [] } })],
    [
      'an entrypoint of every object',
      contract({ module: { abi: 'extism', digest: MODULE, entrypoints: ['run()'] } }),
    ],
    [
      'a module by name',
      contract({ module: { digest: 'count.wasm', abi: 'extism', entrypoints: ['run'] } }),
    ],
    ['an alias twice', contract({ http: [grant(), grant()] })],
    ['an origin with a path', contract({ http: [grant({ origin: 'https://pbx.example/v1' })] })],
    ['an origin with a user', contract({ http: [grant({ origin: 'https://eve@pbx.example' })] })],
    ['an origin of files', contract({ http: [grant({ origin: 'file://etc' })] })],
    ['a method of proxies', contract({ http: [grant({ methods: ['CONNECT'] })] })],
    ['a path that begins nowhere', contract({ http: [grant({ pathPrefix: 'v1/' })] })],
    ['a secret of no grant', contract({ secrets: [secret({ alias: 'other' })] })],
    ['two secrets of one grant', contract({ secrets: [secret(), secret()] })],
    ['a reference that climbs', contract({ secrets: [secret({ ref: 'vault://../etc#x' })] })],
    ['a reference to a file', contract({ secrets: [secret({ ref: 'file:///etc/passwd' })] })],
    ['a header in two lines', contract({ secrets: [secret({ inject: { header: 'a\r\nb' } })] })],
    [
      'a prefix in two lines',
      contract({ secrets: [secret({ inject: { header: 'a', prefix: 'x\r\n' } })] }),
    ],
    ['a user with a colon', contract({ secrets: [secret({ inject: { basic: 'a:b' } })] })],
    ['a credential for a day', contract({ secrets: [secret({ ttlMs: 86_400_000 })] })],
    ['grants without the function', contract({ hostFunctions: [] })],
    ['endless memory', contract({ limits: { memoryMibMax: 1e9 } })],
    ['no time', contract({ limits: { wallMsMax: 0 } })],
    ['half a call', contract({ limits: { networkCallsMax: 0.5 } })],
    ['a level above all', contract({ minLevel: 4 })],
    ['a share above one', contract({ guarantees: { successPermyriadMin: 10_001 } })],
    ['a gain for misses', contract({ reputation: { missPenaltyPermyriad: -1 } })],
  ]),
  'modules.record': invalid([
    ['a verdict in words', { digest: MODULE, bytes: 1, abi: 'extism', admitted: 'yes' }],
    [
      'a linking of its own',
      { digest: MODULE, bytes: 1, abi: 'native', admitted: true, admission: 1, engine: '13' },
    ],
  ]),
  'runs.start': [
    ['a task without a module', { ...held, ...host }, 'request.invalid'],
    ['a level above all', { ...held, ...host, level: 4 }, 'request.invalid'],
    ['a layer of its own', { ...held, ...host, layers: ['magic'] }, 'request.invalid'],
  ],
  'runs.end': invalid([
    ['a cause of its own', { runId: RUN, cause: 'excused', measure }],
    ['less than no time', { runId: RUN, cause: 'completed', measure: { ...measure, wallMs: -1 } }],
    [
      'more than is counted exactly',
      { runId: RUN, cause: 'completed', measure: { ...measure, cpuMs: 1e300 } },
    ],
    ['nothing measured', { runId: RUN, cause: 'completed' }],
  ]),
  'runs.note': invalid([
    ['nothing', { runId: RUN, notes: [] }],
    [
      'a flood',
      {
        runId: RUN,
        notes: Array.from({ length: 101 }, () => ({
          kind: 'violation',
          violation: 'rate',
          subject: 'x',
        })),
      },
    ],
    [
      'a book',
      {
        runId: RUN,
        notes: [{ kind: 'violation', violation: 'host', subject: 'x'.repeat(100_000) }],
      },
    ],
  ]),
});
