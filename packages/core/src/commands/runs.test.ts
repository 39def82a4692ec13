/** Runs over all rooms: lease, contract, policy, and what their end means for who answers for the module. */
import {
  BUNDLED_MODULES,
  CONTRACTS_MAX,
  RUN_NOTES_MAX,
  RUN_ORPHAN_MS,
  SESSION_IDLE_MS,
  SLO_RUNS_MIN,
} from '@infrafabric/protocol';
import type { RunCause, RunNote } from '@infrafabric/protocol';
import { contractFor, historyFaults, openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { AGED_PER_START_MAX } from '../chassis/run-end.ts';
import { REFUSED_RUNS_PER_WINDOW_MAX, REFUSED_RUNS_WINDOW_MS } from '../chassis/run.ts';
import { MODULES_KEPT_MAX, RUNS_KEPT_MAX } from '../chassis/state.ts';
import { chassisSections, restoreChassis } from '../chassis/index.ts';
import {
  explainMatch,
  findRun,
  mintsOf,
  orphanRuns,
  orphansBy,
  restoreWorld,
  viewContract,
  viewContracts,
  viewModules,
  viewReputation,
  viewRun,
  viewRuns,
  viewSlo,
  viewSlos,
  viewSwarm,
  worldSections,
} from '../index.ts';
import type { Decision, DomainEvent } from '../index.ts';
import { SLO_WINDOW_MS } from '../chassis/slo.ts';
import { worldFaults } from './faults.ts';

const MODULE = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const LAYERS = ['process', 'flags', 'rlimits', 'namespaces'] as const;

const GRANTS = {
  hostFunctions: ['http'],
  http: [
    { alias: 'api', origin: 'https://api.test', methods: ['GET'], pathPrefix: '/' },
    { alias: 'web', origin: 'https://web.test', methods: ['GET'], pathPrefix: '/' },
  ],
  secrets: [{ alias: 'api', ref: 'vault://k#t', inject: { header: 'x-key' } }],
} satisfies Parameters<typeof contractFor>[0];

const PROMISES = { latencyP99Ms: 200, successPermyriadMin: 9_500, availabilityPermyriadMin: 9_000 };

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const typesOf = (decision: Decision): readonly string[] =>
  eventsOf(decision).map(({ type }) => type);
const rejectionOf = (decision: Decision) =>
  decision.kind === 'refuse' ? decision.rejection : decision;
const find = <T extends DomainEvent['type']>(decision: Decision, type: T) =>
  eventsOf(decision).find(
    (event): event is Extract<DomainEvent, { readonly type: T }> => event.type === type,
  );

const wasm = (said: object = {}) => ({ wasm: MODULE, entrypoint: 'run', ...said });

interface Given {
  readonly tasks?: readonly object[];
  readonly contract?: Parameters<typeof contractFor>[0] | undefined;
}

const registered = (realm: RealmRun, swarmId: string, said: object = {}): void => {
  const profile = { swarmId, capabilities: ['cli:design'], costPerHourMicroUsd: 0, ...said };
  realm.submit({ op: 'swarms.register', args: { profile } });
};

/** `ada` of swarm `s` with a contract for a module, and p/a that names the module; p/a is leased to her. */
const begun = ({ tasks, contract = {} }: Given = {}): RealmRun => {
  const realm = openedRealm();
  registered(realm, 's');
  realm.run(
    'sessions.open',
    { agent: 'ada', swarm: 's', role: 'runner', leasesMax: 999 },
    { ids: ['ada'] },
  );
  realm.submit({
    op: 'plans.submit',
    args: { plan: { id: 'p', tasks: tasks ?? [{ key: 'a', title: 'A', run: wasm() }] } },
  });
  realm.run('contracts.accept', {
    contract: contractFor({ guarantees: PROMISES, ...contract }),
  });
  claim(realm);
  return realm;
};

const claim = (realm: RealmRun, taskId = 'p/a', sessionId = 'ada'): Decision =>
  realm.run('tasks.claim', { taskId, sessionId });

const start = (realm: RealmRun, said: object = {}, taskId = 'p/a'): Decision =>
  realm.submit({
    op: 'runs.start',
    args: {
      taskId,
      fence: realm.fenceOf(taskId),
      level: 3,
      layers: [...LAYERS],
      node: '24.1.0',
      platform: 'linux-x64',
      ...said,
    },
    ids: [`run${realm.entries.length}`],
  });

const measure = {
  queueMs: 5,
  wallMs: 20,
  cpuMs: 100,
  peakMemoryBytes: 0,
  apiCalls: 1,
  networkCalls: 1,
  sentBytes: 10,
  receivedBytes: 20,
  logBytes: 3,
};
const MEASURE_ORDERED = {
  apiCalls: 1,
  cpuMs: 100,
  logBytes: 3,
  networkCalls: 1,
  peakMemoryBytes: 0,
  queueMs: 5,
  receivedBytes: 20,
  sentBytes: 10,
  wallMs: 20,
};

const openRun = (realm: RealmRun, taskId = 'p/a'): string =>
  realm.world.chassis.open.get(taskId)?.id ?? 'none';

interface Said extends Readonly<Record<string, unknown>> {
  readonly taskId?: string;
  readonly by?: object;
}

const end = (
  realm: RealmRun,
  cause: RunCause,
  { taskId = 'p/a', by = {}, ...said }: Said = {},
): Decision =>
  realm.submit({
    op: 'runs.end',
    args: { runId: openRun(realm, taskId), cause, measure, ...said },
    ...by,
  });

/** One run after the other of the same lease. */
const runMany = (realm: RealmRun, count: number, cause: RunCause, said: Said = {}): void => {
  for (let i = 0; i < count; i += 1) {
    start(realm);
    end(realm, cause, said);
  }
};

const whole = (realm: RealmRun): void => {
  expect(worldFaults(realm.world)).toStrictEqual([]);
  expect(historyFaults(realm.entries)).toStrictEqual([]);
  const twin = restoreWorld(worldSections(realm.world));
  expect(twin.chassis).toStrictEqual(realm.world.chassis);
  expect(twin.governor).toStrictEqual(realm.world.governor);
};

describe('contracts', () => {
  test('one is in force for a swarm and a module; the same again changes nothing, another replaces it', () => {
    const realm = begun();
    const contract = contractFor({ version: '2.0.0' });
    const accepted = realm.run('contracts.accept', { contract });
    expect(eventsOf(accepted)).toStrictEqual([
      {
        by: 'operator',
        digest: expect.stringMatching(/^sha256:/),
        module: MODULE,
        provider: 'acme',
        swarmId: 's',
        type: 'contract.accepted',
      },
    ]);
    expect(realm.run('contracts.accept', { contract }).kind).toBe('unchanged');
    expect(realm.world.chassis.contracts.size).toBe(1);
    const shown = viewContract(realm.world, { swarmId: 's', module: MODULE } as never);
    expect(shown).toMatchObject({ contract: { version: '2.0.0' }, acceptedBy: 'operator' });
    expect(viewContract(realm.world, { swarmId: 's', module: OTHER } as never)).toMatchObject({
      code: 'contract.not_found',
    });
    whole(realm);
  });

  test('the swarm is registered, and there are not too many', () => {
    const realm = begun();
    const unknown = realm.run('contracts.accept', { contract: contractFor({ swarmId: 'x' }) });
    expect(unknown).toMatchObject({ kind: 'reject', code: 'swarm.not_found' });
    const { contracts } = realm.world.chassis;
    const [known] = contracts.values();
    for (let i = contracts.size; i < CONTRACTS_MAX; i += 1)
      if (known !== undefined) contracts.set(`s ${i}`, known);
    registered(realm, 't');
    expect(
      realm.run('contracts.accept', { contract: contractFor({ swarmId: 't' }) }),
    ).toMatchObject({
      code: 'contract.too_many',
      detail: expect.stringContaining('ifab contract list'),
      facts: { contracts: CONTRACTS_MAX },
    });
    // What is in force is replaced all the same.
    const next = realm.run('contracts.accept', { contract: contractFor({ version: '3.0.0' }) });
    expect(next.kind).toBe('accept');
  });

  test('they are listed by swarm and provider, page by page', () => {
    const realm = begun();
    registered(realm, 't');
    realm.run('contracts.accept', { contract: contractFor({ swarmId: 't', provider: 'other' }) });
    const list = (input: object) => viewContracts(realm.world, input);
    expect(list({}).contracts.map(({ swarmId }) => swarmId)).toStrictEqual(['s', 't']);
    expect(list({ swarmId: 't' }).contracts).toHaveLength(1);
    expect(list({ provider: 'acme' }).contracts).toHaveLength(1);
    const first = list({ limit: 1 });
    expect(first.next).toBe(`s ${MODULE}`);
    expect(list({ after: first.next }).contracts.map(({ swarmId }) => swarmId)).toStrictEqual([
      't',
    ]);
  });
});

describe('modules', () => {
  const verdict = {
    digest: MODULE,
    bytes: 100,
    abi: 'json',
    admitted: false,
    reason: 'it imports env.exec',
    admission: 1,
    engine: '13.6',
  } as const;

  test('the newest verdict holds; the same again changes nothing', () => {
    const realm = begun();
    expect(eventsOf(realm.run('modules.record', verdict))).toStrictEqual([
      {
        admission: 1,
        digest: MODULE,
        engine: '13.6',
        reason: 'it imports env.exec',
        type: 'module.refused',
      },
    ]);
    expect(realm.run('modules.record', verdict).kind).toBe('unchanged');
    expect(rejectionOf(start(realm))).toMatchObject({
      code: 'module.refused',
      detail: expect.stringMatching(/it imports env\.exec\. .*ifab chassis load/),
    });
    for (const said of [{ engine: '14.0' }, { admission: 2 }, { reason: 'worse' }])
      expect(typesOf(realm.run('modules.record', { ...verdict, ...said }))).toStrictEqual([
        'module.refused',
      ]);
    const { reason: _, ...mute } = verdict;
    realm.run('modules.record', mute);
    expect(rejectionOf(start(realm))).toMatchObject({
      detail: expect.stringContaining('nothing was said of why'),
    });
    const fine = { ...mute, admitted: true, memoryPages: 17, functions: 3 };
    expect(typesOf(realm.run('modules.record', fine))).toStrictEqual(['module.admitted']);
    expect(start(realm).kind).toBe('accept');
    expect(viewModules(realm.world, {}).modules).toStrictEqual([{ ...fine, recordedAt: realm.at }]);
    expect(viewModules(realm.world, { admitted: false }).modules).toStrictEqual([]);
    whole(realm);
  });

  test('what does not link as one ABI is refused to contracts of that ABI alone', () => {
    const realm = begun();
    realm.run('modules.record', { ...verdict, abi: 'wasi' });
    expect(start(realm).kind).toBe('accept');
    end(realm, 'completed');
    // The same verdict of another ABI is another one.
    expect(typesOf(realm.run('modules.record', verdict))).toStrictEqual(['module.refused']);
    expect(rejectionOf(start(realm))).toMatchObject({ code: 'module.refused' });
    whole(realm);
  });

  test('verdicts that are forgotten are the oldest', () => {
    const realm = begun();
    const digest = (i: number): string => `sha256:${String(i).padStart(64, '0')}`;
    for (let i = 0; i < MODULES_KEPT_MAX; i += 1)
      realm.world.chassis.modules.set(digest(i), { ...verdict, digest: digest(i), recordedAt: 0 });
    realm.run('modules.record', verdict);
    const { modules } = realm.world.chassis;
    expect([modules.size, modules.has(digest(0)), modules.has(MODULE)]).toStrictEqual([
      MODULES_KEPT_MAX,
      false,
      true,
    ]);
    expect(viewModules(realm.world, { limit: 1 }).next).toBe(digest(1));
  });
});

describe('the start of a run', () => {
  test('it takes one id that is minted for it', () => {
    expect([mintsOf('runs.start'), mintsOf('runs.end')]).toStrictEqual([['run'], []]);
  });

  test('H2: it is given the contract, narrowed by its task', () => {
    const run = wasm({ use: ['api', 'nobody'], limits: { wallMsMax: 70, cpuMsMax: 9_999_999 } });
    const realm = begun({ contract: GRANTS, tasks: [{ key: 'a', title: 'A', run }] });
    const started = start(realm);
    expect(eventsOf(started)).toStrictEqual([
      {
        contract: realm.world.chassis.contracts.get(`s ${MODULE}`)?.digest,
        entrypoint: 'run',
        fence: 1,
        http: ['api'],
        layers: LAYERS,
        level: 3,
        limits: {
          apiCallsPerSecondMax: 10,
          cpuMsMax: 5_000,
          cpuPercentMax: 25,
          memoryMibMax: 256,
          networkCallsMax: 100,
          wallMsMax: 70,
        },
        minLevel: 3,
        module: MODULE,
        node: '24.1.0',
        platform: 'linux-x64',
        provider: 'acme',
        runId: openRun(realm),
        secrets: ['api'],
        sessionId: 'ada',
        swarmId: 's',
        taskId: 'p/a',
        type: 'run.started',
      },
    ]);
    expect(findRun(realm.world, openRun(realm))?.contract?.provider).toBe('acme');
    expect(viewRun(realm.world, { runId: openRun(realm) } as never)).toMatchObject({
      status: 'open',
      http: ['api'],
      secrets: ['api'],
      limits: { wallMsMax: 70 },
    });
    whole(realm);
  });

  test('without a name in the task there is no grant', () => {
    const realm = begun({ contract: GRANTS });
    expect(find(start(realm), 'run.started')).toMatchObject({ http: [], secrets: [] });
  });

  test('no lease, no module, no contract, no entrypoint: no run', () => {
    const tasks = [
      { key: 'a', title: 'A', run: wasm({ entrypoint: 'other' }) },
      { key: 'b', title: 'B', run: wasm({ wasm: OTHER }) },
      { key: 'c', title: 'C', run: { shell: 'true' } },
      { key: 'd', title: 'D' },
      { key: 'e', title: 'E', run: wasm() },
    ];
    const realm = begun({ tasks });
    for (const key of ['b', 'c', 'd']) claim(realm, `p/${key}`);
    expect(start(realm)).toMatchObject({
      code: 'contract.entrypoint',
      facts: { entrypoint: 'other', entrypoints: ['run'] },
    });
    expect(start(realm, {}, 'p/b')).toMatchObject({ code: 'contract.not_found' });
    for (const taskId of ['p/c', 'p/d'])
      expect(start(realm, {}, taskId)).toMatchObject({ code: 'request.invalid' });
    const stale = start(realm, { fence: { epoch: 1, holder: 'ada', n: 7 } });
    expect(stale).toMatchObject({ kind: 'refuse', rejection: { code: 'lease.stale' } });
    realm.run('sessions.open', { agent: 'bob' }, { ids: ['bob'] });
    claim(realm, 'p/e', 'bob');
    expect(start(realm, {}, 'p/e')).toMatchObject({
      code: 'contract.not_found',
      detail: expect.stringContaining('is of no swarm'),
    });
  });

  test('a lease has one open run at a time, and any number one after the other', () => {
    const realm = begun();
    start(realm);
    const first = openRun(realm);
    expect(start(realm)).toMatchObject({ code: 'run.exists', facts: { runId: first } });
    end(realm, 'completed');
    expect(start(realm).kind).toBe('accept');
    expect(openRun(realm)).not.toBe(first);
    whole(realm);
  });
});

describe('isolation', () => {
  const refusalOf = (realm: RealmRun, said: object) => {
    const decision = start(realm, said);
    if (decision.kind !== 'refuse') throw new Error(`defect: ${decision.kind}`);
    return decision;
  };
  const policy = (realm: RealmRun, resource: object, isolation?: readonly object[]): void => {
    realm.submit({
      op: 'policies.set',
      args: {
        policy: {
          format: 'ifab-policy/1',
          resource,
          ...(isolation === undefined ? {} : { isolation }),
          governs: [],
          rules: [],
        },
      },
    });
  };
  const open = { contract: { minLevel: 0 } };

  test('the policy asks for level 3 where nobody says otherwise, and the refusal is kept', () => {
    const realm = begun(open);
    const { rejection, record } = refusalOf(realm, { level: 2, layers: ['process', 'rlimits'] });
    expect(rejection).toMatchObject({
      code: 'isolation.too_low',
      detail: expect.stringContaining('apt-get install bubblewrap'),
      facts: { attained: 2, needed: 3, asks: 'policy' },
    });
    expect(record).toStrictEqual({
      asks: 'policy',
      attained: 2,
      code: 'isolation.too_low',
      detail: rejection.detail,
      module: MODULE,
      needed: 3,
      sessionId: 'ada',
      swarmId: 's',
      taskId: 'p/a',
      type: 'run.refused',
    });
  });

  test.each([
    ['linux-x64', ['process'], 'apt-get install util-linux'],
    ['linux-x64', ['process', 'rlimits', 'namespaces'], 'ifab doctor'],
    ['darwin-arm64', ['process'], 'a runner host on Linux'],
  ])('on %s with %j the remedy is %s', (platform, layers, remedy) => {
    const { rejection } = refusalOf(begun(open), { level: 1, platform, layers });
    expect(rejection.detail).toContain(remedy);
  });

  test('the highest of contract, task and policy holds, and is named', () => {
    const realm = begun({
      contract: { minLevel: 2 },
      tasks: [{ key: 'a', title: 'A', run: wasm({ minLevel: 3 }) }],
    });
    policy(realm, { minLevel: 1 });
    expect(refusalOf(realm, { level: 2 }).rejection).toMatchObject({ facts: { asks: 'task' } });
    const other = begun({ contract: { minLevel: 2 } });
    policy(other, { minLevel: 1 });
    expect(refusalOf(other, { level: 1 }).rejection).toMatchObject({
      facts: { asks: 'contract', needed: 2 },
    });
    expect(find(start(other, { level: 2 }), 'run.started')).toMatchObject({ minLevel: 2 });
  });

  test('a publisher that the policy names is trusted as it says; others are not', () => {
    const realm = begun(open);
    policy(realm, { minLevel: 3 }, [{ provider: 'acme', minLevel: 1 }]);
    expect(find(start(realm, { level: 1 }), 'run.started')).toMatchObject({ minLevel: 1 });
    const other = begun(open);
    policy(other, { minLevel: 1 }, [{ provider: 'acme', minLevel: 3 }]);
    expect(refusalOf(other, { level: 2 }).rejection).toMatchObject({ facts: { needed: 3 } });
  });

  test('what is bundled needs level 1 by the policy, and what its contract says besides', () => {
    const bundled: Record<string, string> = BUNDLED_MODULES;
    bundled[MODULE] = 'count';
    try {
      expect(find(start(begun(open), { level: 1 }), 'run.started')).toMatchObject({ minLevel: 1 });
      const own = begun({ contract: { minLevel: 2 } });
      expect(refusalOf(own, { level: 1 }).rejection).toMatchObject({ facts: { needed: 2 } });
    } finally {
      Reflect.deleteProperty(bundled, MODULE);
    }
  });

  test('secrets are given at level 2 and above only', () => {
    const run = wasm({ use: ['api'] });
    const given = { contract: { ...GRANTS, minLevel: 0 }, tasks: [{ key: 'a', title: 'A', run }] };
    const realm = begun(given);
    policy(realm, { minLevel: 1 });
    expect(refusalOf(realm, { level: 1 }).rejection).toMatchObject({
      detail: expect.stringContaining('for a run with secrets'),
      facts: { asks: 'secrets', needed: 2 },
    });
    policy(realm, { minLevel: 1, secretsMinLevel: 1 });
    expect(start(realm, { level: 1 }).kind).toBe('accept');
  });

  test('at level 0 nothing runs, whatever contract, task and policy say', () => {
    const realm = begun(open);
    policy(realm, { minLevel: 0, secretsMinLevel: 0 });
    expect(refusalOf(realm, { level: 0 }).rejection).toMatchObject({ facts: { needed: 1 } });
  });

  test('the log takes a hundred such refusals a minute', () => {
    const realm = begun(open);
    for (let i = 0; i < REFUSED_RUNS_PER_WINDOW_MAX; i += 1)
      expect(start(realm, { level: 1 }).kind).toBe('refuse');
    expect(start(realm, { level: 1 }).kind).toBe('reject');
    realm.at += REFUSED_RUNS_WINDOW_MS;
    expect(start(realm, { level: 1 }).kind).toBe('refuse');
    expect(realm.world.chassis.refusals).toStrictEqual({ since: realm.at, count: 1 });
    whole(realm);
  });
});

describe('the end of a run', () => {
  test('a success, and what it makes of the reputation', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    const ended = end(realm, 'completed', { output: OTHER, detail: 'done' });
    expect(eventsOf(ended)).toStrictEqual([
      {
        by: 'operator',
        cause: 'completed',
        detail: 'done',
        measure: MEASURE_ORDERED,
        output: OTHER,
        runId,
        sample: {
          efficiencyPermyriad: 9_900,
          latencyMs: 25,
          missed: false,
          stepPermyriad: 100,
        },
        taskId: 'p/a',
        type: 'run.ended',
      },
      {
        adjustmentPermyriad: 0,
        permyriad: 7_142,
        provider: 'acme',
        runId,
        samples: 1,
        swarmId: 's',
        type: 'reputation.changed',
      },
    ]);
    expect(viewRun(realm.world, { runId } as never)).toMatchObject({
      status: 'ended',
      cause: 'completed',
      missed: false,
      latencyMs: 25,
      detail: 'done',
      output: OTHER,
    });
    whole(realm);
  });

  test('CH-23: a miss is in the log, with what the window does not hold any more', () => {
    const realm = begun();
    runMany(realm, SLO_RUNS_MIN - 1, 'completed');
    start(realm);
    const runId = openRun(realm);
    const failed = end(realm, 'trapped');
    expect(find(failed, 'slo.violated')).toStrictEqual({
      cause: 'trapped',
      latencyMs: 300_000,
      module: MODULE,
      objectives: [{ measured: 300_000, name: 'latencyP99Ms', wanted: 200 }],
      provider: 'acme',
      runId,
      swarmId: 's',
      type: 'slo.violated',
      why: 'failed',
    });
    start(realm);
    const slow = end(realm, 'completed', { measure: { ...measure, queueMs: 190, fuel: 7 } });
    expect(find(slow, 'slo.violated')).toMatchObject({ why: 'slow', latencyMs: 210 });
    expect(find(slow, 'run.ended')?.measure).toMatchObject({ fuel: 7 });
    whole(realm);
  });

  test('who wants a runner and gets none has not run: availability alone is less', () => {
    const realm = begun();
    runMany(realm, 1, 'completed');
    start(realm);
    expect(typesOf(end(realm, 'unavailable'))).toStrictEqual(['run.ended']);
    const slo = viewSlo(realm.world, { swarmId: 's' } as never, realm.at);
    expect(slo).toMatchObject({
      samples: 1,
      successPermyriad: 10_000,
      availabilityPermyriad: 5_000,
    });
    whole(realm);
  });

  test('only the session that started it, or an operator, says how it ended; and once', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    const stranger = { cred: 'session', principal: 'eve', session: 'eve' };
    expect(end(realm, 'completed', { by: stranger })).toMatchObject({ code: 'auth.forbidden' });
    const own = { cred: 'session', principal: 'ada', session: 'ada' };
    expect(end(realm, 'failed', { by: own }).kind).toBe('accept');
    expect(
      realm.submit({ op: 'runs.end', args: { runId, cause: 'failed', measure } }),
    ).toMatchObject({ code: 'run.ended', facts: { cause: 'failed' } });
    expect(
      realm.submit({ op: 'runs.end', args: { runId: 'x', cause: 'failed', measure } }),
    ).toMatchObject({ code: 'run.not_found' });
  });

  test('ended runs that are forgotten are the oldest, never an open one', () => {
    const tasks = ['a', 'b'].map((key) => ({ key, title: key, run: wasm() }));
    const realm = begun({ tasks });
    claim(realm, 'p/b');
    start(realm);
    const kept = openRun(realm);
    for (let i = 0; i <= RUNS_KEPT_MAX; i += 1) {
      start(realm, {}, 'p/b');
      end(realm, 'completed', { taskId: 'p/b' });
    }
    const { runs } = realm.world.chassis;
    expect([runs.size, runs.has(kept)]).toStrictEqual([RUNS_KEPT_MAX + 1, true]);
  });
});

describe('H1: every run ends', () => {
  test('a run may be told of after its lease, as long as the realm has not ended it', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    expect(orphanRuns(realm.world)).toStrictEqual([]);
    realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(orphanRuns(realm.world)).toStrictEqual([{ runId, dueAt: RUN_ORPHAN_MS }]);
    expect(end(realm, 'completed').kind).toBe('accept');
    expect(orphanRuns(realm.world)).toStrictEqual([]);
    whole(realm);
  });

  test('the realm ends it a minute after its lease, and not before', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    const expire = (): Decision => realm.run('runs.expire', { runId }, { cred: 'realm' });
    expect(expire()).toMatchObject({ code: 'request.invalid' });
    const released = realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    const [event] = eventsOf(released);
    if (event === undefined) throw new Error('defect: nothing was released');
    expect(orphansBy(realm.world, event)).toStrictEqual([{ runId, dueAt: RUN_ORPHAN_MS }]);
    realm.at += RUN_ORPHAN_MS - 1;
    expect(expire()).toMatchObject({ code: 'request.invalid' });
    realm.at += 1;
    expect(eventsOf(expire())).toStrictEqual([
      { by: 'realm', cause: 'revoked', runId, taskId: 'p/a', type: 'run.ended' },
    ]);
    expect(expire()).toMatchObject({ code: 'run.ended' });
    expect(orphansBy(realm.world, event)).toStrictEqual([]);
    whole(realm);
  });

  test('the next lease of its task ends it in the same entry', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    const claimed = claim(realm);
    expect(eventsOf(claimed).slice(-1)).toStrictEqual([
      { by: 'realm', cause: 'revoked', runId, taskId: 'p/a', type: 'run.ended' },
    ]);
    expect(start(realm).kind).toBe('accept');
    whole(realm);
  });

  test('a lease that another task gets leaves it alone', () => {
    const realm = begun({ tasks: ['a', 'b'].map((key) => ({ key, title: key, run: wasm() })) });
    start(realm);
    expect(typesOf(claim(realm, 'p/b'))).not.toContain('run.ended');
    const released = realm.run('tasks.release', { taskId: 'p/b', fence: realm.fenceOf('p/b') });
    for (const event of eventsOf(released)) expect(orphansBy(realm.world, event)).toStrictEqual([]);
    whole(realm);
  });

  const expired = (realm: RealmRun): void => {
    realm.at += 30_000;
    const fence = realm.fenceOf('p/a').n;
    realm.submit({
      op: 'leases.expire',
      args: { taskId: 'p/a', fence, renewedAt: 0 },
      cred: 'realm',
    });
  };

  test('a run whose lease expired under it failed; one whose lease ended otherwise counts for nothing', () => {
    const realm = begun();
    start(realm);
    expired(realm);
    const ended = end(realm, 'revoked');
    expect(find(ended, 'run.ended')?.sample).toMatchObject({ missed: true, latencyMs: 300_000 });
    expect(typesOf(ended)).toStrictEqual(['run.ended', 'slo.violated', 'reputation.changed']);
    whole(realm);
    const cancelled = begun();
    start(cancelled);
    cancelled.run('plans.cancel', { planId: 'p', reason: 'over' });
    expect(typesOf(end(cancelled, 'revoked'))).toStrictEqual(['run.ended']);
    whole(cancelled);
    const live = begun();
    start(live);
    expect(typesOf(end(live, 'revoked'))).toStrictEqual(['run.ended']);
  });

  test('a session that dies takes its runs with it, as failures; one that is closed does not', () => {
    const realm = begun();
    start(realm);
    realm.at += SESSION_IDLE_MS;
    realm.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }, { cred: 'realm' });
    expect(find(end(realm, 'revoked'), 'run.ended')?.sample).toMatchObject({ missed: true });
    whole(realm);
    const closed = begun();
    start(closed);
    closed.run('sessions.close', { sessionId: 'ada' });
    expect(find(end(closed, 'revoked'), 'run.ended')?.sample).toBeUndefined();
    whole(closed);
  });

  test('several that end in one entry are counted one after the other', () => {
    const tasks = ['a', 'b', 'c'].map((key) => ({ key, title: key, run: wasm() }));
    const realm = begun({ tasks });
    for (const key of ['b', 'c']) claim(realm, `p/${key}`);
    for (const key of ['a', 'b', 'c']) start(realm, {}, `p/${key}`);
    realm.at += SESSION_IDLE_MS;
    realm.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }, { cred: 'realm' });
    realm.run('sessions.open', { agent: 'bob', leasesMax: 9 }, { ids: ['bob'] });
    const taken = realm.run('tasks.next', { sessionId: 'bob', count: 3 });
    const said = eventsOf(taken).flatMap((event) =>
      event.type === 'reputation.changed' ? [event.samples] : [],
    );
    expect(said).toStrictEqual([1, 2, 3]);
    whole(realm);
  });
});

describe('notes', () => {
  const violation: RunNote = { kind: 'violation', violation: 'rate', subject: 'api' };
  const credential: RunNote = {
    kind: 'credential',
    alias: 'api',
    host: 'api.test',
    method: 'GET',
    pathHash: '0'.repeat(64),
    status: 200,
    bytes: 17,
  };

  test('CH-32: violations and uses of credentials are events of their own', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    const noted = realm.run('runs.note', { runId, notes: [violation, credential] });
    expect(eventsOf(noted)).toStrictEqual([
      { runId, subject: 'api', taskId: 'p/a', type: 'run.violated', violation: 'rate' },
      {
        alias: 'api',
        bytes: 17,
        host: 'api.test',
        method: 'GET',
        pathHash: '0'.repeat(64),
        runId,
        status: 200,
        taskId: 'p/a',
        type: 'credential.used',
      },
    ]);
    expect(realm.run('runs.note', { runId: 'x', notes: [violation] })).toMatchObject({
      code: 'run.not_found',
    });
  });

  test('of a flood the log keeps the first ones, and how many more there were', () => {
    const realm = begun();
    start(realm);
    const runId = openRun(realm);
    const notes = (count: number): RunNote[] => Array.from({ length: count }, () => violation);
    realm.run('runs.note', { runId, notes: notes(RUN_NOTES_MAX - 1) });
    expect(typesOf(realm.run('runs.note', { runId, notes: notes(3) }))).toStrictEqual([
      'run.violated',
      'run.notes_dropped',
    ]);
    expect(eventsOf(realm.run('runs.note', { runId, notes: notes(100) }))).toStrictEqual([
      { count: 100, runId, taskId: 'p/a', type: 'run.notes_dropped' },
    ]);
    expect(find(end(realm, 'completed'), 'run.ended')).toMatchObject({ more: 102 });
    const shown = viewRun(realm.world, { runId } as never);
    expect(shown).toMatchObject({ notes: RUN_NOTES_MAX, more: 102 });
    whole(realm);
  });
});

describe('what readers see', () => {
  test('runs, the newest first, by swarm, task and whether they are open', () => {
    const realm = begun({ tasks: ['a', 'b'].map((key) => ({ key, title: key, run: wasm() })) });
    claim(realm, 'p/b');
    start(realm);
    end(realm, 'wall');
    start(realm, {}, 'p/b');
    const list = (input: object = {}) => viewRuns(realm.world, input);
    expect(list().runs.map(({ taskId }) => taskId)).toStrictEqual(['p/b', 'p/a']);
    expect(list({ open: true }).runs.map(({ taskId }) => taskId)).toStrictEqual(['p/b']);
    expect(list({ open: false }).runs).toMatchObject([{ cause: 'wall', missed: true }]);
    expect(list({ taskId: 'p/a' }).runs).toHaveLength(1);
    expect(list({ swarmId: 'x' }).runs).toStrictEqual([]);
    const first = list({ limit: 1 });
    expect(list({ after: first.next }).runs.map(({ taskId }) => taskId)).toStrictEqual(['p/a']);
    expect(viewRun(realm.world, { runId: 'x' } as never)).toMatchObject({ code: 'run.not_found' });
  });

  test('the figures of a swarm, against what it promised', () => {
    const realm = begun();
    const slo = (swarmId = 's') => viewSlo(realm.world, { swarmId } as never, realm.at);
    expect(slo()).toStrictEqual({
      swarmId: 's',
      samples: 0,
      windowDays: 30,
      violations: 0,
      objectives: [
        { name: 'latencyP99Ms', wanted: 200, verdict: 'not-enough-data' },
        { name: 'successPermyriadMin', wanted: 9_500, verdict: 'not-enough-data' },
        { name: 'availabilityPermyriadMin', wanted: 9_000, verdict: 'not-enough-data' },
      ],
    });
    expect(slo('x')).toMatchObject({ code: 'swarm.not_found' });
    registered(realm, 't');
    realm.run('contracts.accept', {
      contract: contractFor({ swarmId: 't', guarantees: { latencyP50Ms: 1 } }),
    });
    expect(slo()).toMatchObject({ objectives: { length: 3 } });
    runMany(realm, 24, 'completed');
    runMany(realm, 1, 'memory');
    expect(slo()).toMatchObject({
      samples: 25,
      p50Ms: 25,
      p95Ms: 25,
      p99Ms: 300_000,
      successPermyriad: 9_600,
      availabilityPermyriad: 10_000,
      efficiencyPermyriad: 9_504,
      violations: 1,
      objectives: [
        { name: 'latencyP99Ms', measured: 300_000, verdict: 'missed' },
        { name: 'successPermyriadMin', verdict: 'met' },
        { name: 'availabilityPermyriadMin', verdict: 'met' },
      ],
    });
    const list = viewSlos(realm.world, {}, realm.at);
    expect(list).toMatchObject({
      runs: { open: 0, ended: { completed: 24, memory: 1 } },
      swarms: [{ swarmId: 's', samples: 25, violations: 1 }],
    });
    expect(list.next).toBeUndefined();
    // Of a swarm without runs there is nothing to list.
    expect(viewSlos(realm.world, {}, realm.at).swarms).toHaveLength(1);
    realm.run('sessions.open', { agent: 'bob', swarm: 't' }, { ids: ['bob'] });
    realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    claim(realm, 'p/a', 'bob');
    runMany(realm, 1, 'completed');
    const first = viewSlos(realm.world, { limit: 1 }, realm.at);
    expect(first.next).toBe('s');
    const rest = viewSlos(realm.world, { after: first.next }, realm.at);
    expect(rest.swarms.map(({ swarmId }) => swarmId)).toStrictEqual(['t']);
  });
});

describe('reputation', () => {
  const shown = (realm: RealmRun, swarmId = 's') =>
    viewReputation(realm.world, { swarmId } as never, realm.at);
  const ranked = (realm: RealmRun): readonly string[] =>
    realm.world.governor.index.all.map(({ id }) => id);

  test('CH-26: the governor ranks by what was measured, in the entry that measured it', () => {
    const tasks = [{ key: 'a', title: 'A', run: wasm(), needs: [] }];
    const realm = begun({ tasks });
    registered(realm, 't', { reputationPermille: 800 });
    expect(ranked(realm)).toStrictEqual(['s', 't']);
    runMany(realm, 1, 'crashed');
    expect(ranked(realm)).toStrictEqual(['t', 's']);
    expect(viewSwarm(realm.world, { swarmId: 's' } as never)).toMatchObject({
      reputationPermille: 617,
    });
    const match = explainMatch(realm.world, { taskId: 'p/a' } as never);
    expect(match).toMatchObject({
      candidates: [
        { swarmId: 't', reputationPermille: 800 },
        { swarmId: 's', reputationPermille: 617 },
      ],
    });
    whole(realm);
  });

  test('it is shown with what it is made of, and its history', () => {
    const realm = begun();
    expect(shown(realm)).toStrictEqual({
      swarmId: 's',
      provider: 'acme',
      value: 10_000,
      adjustment: 0,
      prior: 7_000,
      samples: 0,
      measured: false,
      history: [],
    });
    registered(realm, 't', { reputationPermille: 950 });
    expect(shown(realm, 't')).toMatchObject({ value: 9_500, measured: false });
    expect(shown(realm, 't')).not.toHaveProperty('provider');
    expect(shown(realm, 'x')).toMatchObject({ code: 'swarm.not_found' });
    runMany(realm, 1, 'crashed');
    expect(shown(realm)).toMatchObject({
      provider: 'acme',
      value: 6_167,
      score: 0,
      adjustment: -500,
      samples: 1,
      measured: true,
      history: [{ at: 0, value: 6_167 }],
    });
  });

  test('case 97: who registers again under another name of a swarm finds the old record', () => {
    const realm = begun();
    runMany(realm, 10, 'crashed');
    const before = shown(realm);
    registered(realm, 'fresh');
    const accepted = realm.run('contracts.accept', {
      contract: contractFor({ swarmId: 'fresh' }),
    });
    expect(find(accepted, 'reputation.changed')).toMatchObject({
      permyriad: 0,
      swarmId: 'fresh',
      provider: 'acme',
    });
    expect(shown(realm, 'fresh')).toStrictEqual({ ...before, swarmId: 'fresh' });
    // Nor does a new profile of the old name.
    registered(realm, 's', { reputationPermille: 1_000, costPerHourMicroUsd: 5 });
    expect(viewSwarm(realm.world, { swarmId: 's' } as never)).toMatchObject({
      reputationPermille: 0,
    });
    whole(realm);
  });

  test('of several who answer for a swarm the least counts, also where a contract was replaced', () => {
    const realm = begun();
    runMany(realm, 1, 'crashed');
    realm.run('contracts.accept', { contract: contractFor({ provider: 'fresh' }) });
    runMany(realm, 1, 'completed');
    expect(shown(realm)).toMatchObject({ provider: 'acme', value: 6_167 });
    expect(realm.world.governor.swarms.get('s')).toMatchObject({
      providers: [
        { provider: 'acme', permyriad: 6_167 },
        { provider: 'fresh', permyriad: 7_142 },
      ],
      measuredPermille: 617,
    });
    runMany(realm, 2, 'crashed');
    expect(shown(realm)).toMatchObject({ provider: 'fresh' });
    whole(realm);
  });

  test('one record serves every swarm of its provider', () => {
    const realm = begun();
    registered(realm, 't');
    realm.run('contracts.accept', { contract: contractFor({ swarmId: 't' }) });
    runMany(realm, 1, 'crashed');
    expect(realm.world.governor.swarms.get('t')?.measuredPermille).toBe(617);
    whole(realm);
  });

  test('who is idle drifts back to the prior, and the next run says so', () => {
    const tasks = [{ key: 'a', title: 'A', run: wasm(), leaseMs: 3_600_000 }];
    const realm = begun({ tasks });
    runMany(realm, 1, 'crashed');
    realm.at += SLO_WINDOW_MS + 1;
    expect(shown(realm)).toMatchObject({ value: 7_000, samples: 0, measured: true });
    const started = start(realm);
    expect(find(started, 'reputation.changed')).toStrictEqual({
      adjustmentPermyriad: 0,
      permyriad: 7_000,
      provider: 'acme',
      samples: 0,
      type: 'reputation.changed',
    });
    expect(realm.world.governor.swarms.get('s')?.measuredPermille).toBe(700);
    end(realm, 'completed');
    expect(typesOf(start(realm))).toStrictEqual(['run.started']);
    whole(realm);
  });
});

describe('who is idle because others are chosen', () => {
  test('drifts back with the runs of others, a few providers an entry', () => {
    const tasks = [{ key: 'a', title: 'A', run: wasm(), leaseMs: 3_600_000 }];
    const realm = begun({ tasks });
    const count = AGED_PER_START_MAX + 2;
    for (let i = 0; i < count; i += 1) {
      registered(realm, `t${i}`);
      realm.run('contracts.accept', {
        contract: contractFor({ swarmId: `t${i}`, provider: `idle${i}` }),
      });
      realm.run('sessions.open', { agent: 'bob', swarm: `t${i}` }, { ids: [`bob${i}`] });
      realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
      claim(realm, 'p/a', `bob${i}`);
      runMany(realm, 1, 'crashed');
    }
    realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    claim(realm);
    realm.at += SLO_WINDOW_MS + 1;
    const aged = (decision: Decision): number =>
      typesOf(decision).filter((type) => type === 'reputation.changed').length;
    expect(aged(start(realm))).toBe(AGED_PER_START_MAX);
    end(realm, 'completed');
    expect(aged(start(realm))).toBe(2);
    for (let i = 0; i < count; i += 1)
      expect(realm.world.governor.swarms.get(`t${i}`)?.measuredPermille).toBe(700);
    whole(realm);
  });
});

describe('what is wrong is found', () => {
  const faults = (spoil: (realm: RealmRun) => void): readonly string[] => {
    const realm = begun({ contract: GRANTS });
    runMany(realm, 1, 'completed');
    start(realm);
    spoil(realm);
    return worldFaults(realm.world);
  };
  const run = (realm: RealmRun) =>
    realm.world.chassis.open.get('p/a') as never as Record<string, unknown>;

  test.each<readonly [string, (realm: RealmRun) => void]>([
    ['H1: 0 runs are open', ({ world }) => world.chassis.open.clear()],
    ['has not ended, and is not the open run', ({ world }) => world.chassis.open.clear()],
    ['H1: run8 is open under fence 7', (realm) => Object.assign(run(realm), { fence: 7 })],
    [
      'H1: run8 is open under fence 1 of q/none',
      (realm) => {
        const open = run(realm);
        realm.world.chassis.open.delete('p/a');
        Object.assign(open, { taskId: 'q/none' });
        realm.world.chassis.open.set('q/none', open as never);
      },
    ],
    [
      'H2: run8 has limits wider than its contract',
      (realm) => Object.assign(run(realm)['limits'] as object, { memoryMibMax: 9_999 }),
    ],
    ['H2: run8 was given what', (realm) => Object.assign(run(realm), { http: ['other'] })],
    ['H2: run8 was given what', (realm) => Object.assign(run(realm), { secrets: ['api'] })],
    ['H2: run8 runs at level 1', (realm) => Object.assign(run(realm), { level: 1 })],
    [
      'H3: the window of s',
      ({ world }) => {
        const slo = world.chassis.slos.get('s');
        if (slo !== undefined) world.chassis.slos.set('s', { ...slo, sorted: [1] });
      },
    ],
    [
      'H3: acme has the reputation 1',
      ({ world }) => {
        const known = world.chassis.reputations.get('acme');
        if (known !== undefined) world.chassis.reputations.set('acme', { ...known, value: 1 });
      },
    ],
  ])('%s', (sentence, spoil) => {
    expect(faults(spoil).join('\n')).toContain(sentence);
  });

  test('where nothing has happened there is no section: an older log keeps the hash of its state', () => {
    const fresh = openedRealm().world.chassis;
    expect(chassisSections(fresh)).toStrictEqual([]);
    expect(restoreChassis(new Map())).toStrictEqual(fresh);
    const bytes = { name: 'chassis/rest', content: new Uint8Array() };
    expect(() => restoreChassis(new Map([[bytes.name, bytes]]))).toThrow('is no text');
  });

  test('an event in an entry of another operation is a defect', () => {
    const realm = begun();
    const event: DomainEvent = {
      admission: 1,
      digest: MODULE,
      engine: '1',
      type: 'module.admitted',
    };
    expect(() => realm.fold({ op: 'plans.pause', args: {} }, [event])).toThrow(
      'an event of modules.record in an entry of plans.pause',
    );
  });

  test('the same slice gives the same bytes, whatever the order of members in what was called', () => {
    const [one, other] = [openedRealm(), openedRealm()];
    for (const realm of [one, other]) registered(realm, 's');
    const contract = contractFor();
    const turned = Object.fromEntries(Object.entries(contract).toReversed());
    const digest = `sha256:${'c'.repeat(64)}`;
    one.submit({ op: 'contracts.accept', args: { contract, digest } });
    other.submit({ op: 'contracts.accept', args: { contract: turned, digest } });
    expect(chassisSections(one.world.chassis)).toStrictEqual(chassisSections(other.world.chassis));
  });
});
