/**
 * Bugs on purpose: each puts a double with one fault in the place of a real part. A simulator that does
 * not find every one of them proves nothing by finding none in the real parts.
 */
import { leaseOf, sessionOf, worldSections, type World } from '@infrafabric/core';
import type {
  CallOptions,
  Disk,
  Fabric,
  Journal,
  LeadingFabric,
  Principal,
  Reply,
} from '@infrafabric/fabric';
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

import { trustedOutput } from './judge.ts';
import { withAppend } from './media.ts';
import type { Doubles } from './doubles.ts';

type Call = Fabric['call'];
type Input = Readonly<Record<string, unknown>>;

/** A surface that passes calls on after its own fashion. */
const surface =
  (change: (fabric: LeadingFabric, call: Call) => Call): NonNullable<Doubles['surface']> =>
  (fabric) => ({ call: change(fabric, (op, input, options) => fabric.call(op, input, options)) });

const worldOf = (fabric: LeadingFabric): World | undefined => {
  const view = fabric.leader.view();
  return 'world' in view ? view.world : undefined;
};

const inputOf = (input: unknown): Input => trustedOutput<Input>(input);

/** Answers before the frame is durable, and writes it in a later turn, if the process lives on. */
const replyEarly = (journal: Journal): Journal => {
  let lagging: Promise<unknown> = Promise.resolve();
  let head = journal.head();
  return {
    ...withAppend(journal, (_at, batch) => {
      const copy = { ...batch, entries: Buffer.from(batch.entries) };
      const at = head;
      head = { size: at.size + batch.count, leaf: batch.lastLeaf, epoch: batch.epoch };
      lagging = lagging.then(() => journal.append(at, copy)).catch(() => undefined);
      return Promise.resolve({ kind: 'appended', head });
    }),
    head: () => head,
  };
};

/** Syncs of file contents that do nothing. */
const withoutSync = (disk: Disk): Disk => ({
  ...withoutFolderSync(disk),
  syncFolder: (path) => disk.syncFolder(path),
  open: (path, mode) => {
    const file = disk.open(path, mode);
    return {
      size: () => file.size(),
      read: (target, offset) => file.read(target, offset),
      write: (bytes, offset) => file.write(bytes, offset),
      writeNow: (bytes, offset) => {
        file.writeNow(bytes, offset);
      },
      sync: () => Promise.resolve(),
      syncNow: () => undefined,
      close: () => {
        file.close();
      },
    };
  },
});

const withoutFolderSync = (disk: Disk): Disk => ({
  list: (folder) => disk.list(folder),
  makeFolder: (path) => {
    disk.makeFolder(path);
  },
  open: (path, mode) => disk.open(path, mode),
  rename: (move) => {
    disk.rename(move);
  },
  remove: (path) => {
    disk.remove(path);
  },
  syncFolder: () => Promise.resolve(),
});

/** Takes a write for the present holder's, whatever token it carries. */
const withoutFences = surface((fabric, call) => (op, input, options) => {
  const { taskId, fencingToken } = inputOf(input);
  const world = worldOf(fabric);
  const lease = world === undefined ? undefined : leaseOf(world, String(taskId));
  const holder =
    lease === undefined || world === undefined ? undefined : sessionOf(world, lease.sessionId);
  if (typeof fencingToken !== 'string' || lease === undefined || holder === undefined)
    return call(op, input, options);
  const principal: Principal = {
    cred: 'session',
    name: holder.agent,
    role: holder.role,
    session: trustedOutput(holder.id),
  };
  const current = fabric.tokens.fencingToken({ ...lease, taskId: String(taskId) });
  return call(op, { ...inputOf(input), fencingToken: current }, { ...options, principal });
});

/** Begins its life without the keys that its log answers. */
const forgottenKeys: NonNullable<Doubles['surface']> = (fabric) => {
  worldOf(fabric)?.realm.keys.clear();
  return fabric;
};

/** Says yes to a renewal and forgets it. */
const forgottenRenewals = surface((fabric, call) => async (op, input, options) => {
  if (op !== 'tasks.renew') return call(op, input, options);
  const { sessionId, leases } = inputOf(input);
  const world = worldOf(fabric);
  if (world === undefined) return call(op, input, options);
  const named = trustedOutput<readonly { taskId: string }[] | undefined>(leases);
  const renewed = [...world.coordinator.sessions.values()].some(({ id }) => id === sessionId)
    ? (named ?? []).filter(({ taskId }) => leaseOf(world, taskId)?.sessionId === sessionId)
    : [];
  const output = {
    renewed: renewed.map(({ taskId }) => ({ taskId, leaseExpiresAt: 0 })),
    lost: [],
  };
  const reply: Reply = { kind: 'ok', output };
  await Promise.resolve();
  return reply;
});

/** Once renewed, a lease lives for ever: each call by anybody renews it. */
const endlessRenewals = surface((fabric, call) => {
  const renewing = new Map<string, { readonly input: Input; readonly options: CallOptions }>();
  return (op, input, options) => {
    const { sessionId } = inputOf(input);
    if (op === 'tasks.renew') renewing.set(String(sessionId), { input: inputOf(input), options });
    for (const [id, again] of renewing) {
      fabric.call('tasks.renew', { sessionId: id }, again.options).catch(() => undefined);
    }
    return call(op, input, options);
  };
});

/** Decides by what only this process knows: at odd moments a session may hold more than it may. */
const decideByClock = surface((fabric, call) => {
  let calls = 0;
  return (op, input, options) => {
    calls += 1;
    const world = worldOf(fabric);
    const session = world?.coordinator.sessions.get(String(inputOf(input)['sessionId']));
    if (session === undefined || calls % 2 === 0) return call(op, input, options);
    const mutable = trustedOutput<{ leasesMax: number }>(session);
    const { leasesMax } = session;
    mutable.leasesMax = 100;
    const reply = call(op, input, options);
    mutable.leasesMax = leasesMax;
    return reply;
  };
});

/** Hands plans on without what one field of their tasks says. */
const plansWithout = (field: 'phase' | 'owns' | 'dependsOn' | 'needs'): Doubles => ({
  surface: surface((_fabric, call) => (op, input, options) => {
    if (op !== 'plans.submit') return call(op, input, options);
    const { plan } = trustedOutput<{ plan: { tasks: readonly Input[] } }>(input);
    const tasks = plan.tasks.map((task) =>
      Object.fromEntries(Object.entries(task).filter(([name]) => name !== field)),
    );
    return call(op, { plan: { ...plan, tasks } }, options);
  }),
});

/** Refuses at once by what is decided and not durable yet. */
const hastyRefusals = surface((fabric, call) => (op, input, options) => {
  const world = worldOf(fabric);
  const { taskId, sessionId } = inputOf(input);
  const lease =
    world === undefined || op !== 'tasks.claim' ? undefined : leaseOf(world, String(taskId));
  if (lease === undefined || lease.sessionId === sessionId) return call(op, input, options);
  return Promise.resolve({
    kind: 'reject',
    code: 'task.leased',
    detail: 'Somebody holds it.',
    facts: { taskId, holder: { sessionId: lease.sessionId, agent: '' } },
  });
});

/** Takes an unknown outcome for a failure. */
const unknownIsNo = surface((_fabric, call) => async (op, input, options) => {
  const reply = await call(op, input, options);
  return reply.kind === 'reject' && reply.code === 'log.outcome_unknown'
    ? { ...reply, code: 'log.unavailable' }
    : reply;
});

/** Grants now and then what another one holds. */
const doubleGrants = surface((fabric, call) => async (op, input, options) => {
  const reply = await call(op, input, options);
  const { taskId, sessionId } = inputOf(input);
  const world = worldOf(fabric);
  const lease = world === undefined ? undefined : leaseOf(world, String(taskId));
  if (op !== 'tasks.claim' || reply.kind !== 'reject' || lease === undefined) return reply;
  const granted = { ...lease, taskId: String(taskId), sessionId: String(sessionId) };
  return {
    kind: 'ok',
    index: fabric.leader.durable?.size ?? 0,
    output: { ...granted, fencingToken: fabric.tokens.fencingToken(granted) },
  };
});

const CHECKSUMS_WITHOUT_CRC = {
  crc32: () => 0,
  sha256: (bytes: Uint8Array) => hash('sha256', bytes, 'base64'),
};

/** Every planted bug by its name, for `--bug` and `--planted`. */
export const PLANTED_BUGS: Readonly<Record<string, Doubles>> = {
  'reply before durable': { medium: 'memory', journal: replyEarly },
  'lazy sync': { medium: 'file', disk: withoutSync },
  'no folder sync': { medium: 'file', disk: withoutFolderSync },
  'torn tail not cut': {
    medium: 'file',
    file: { rules: { previousLeaf: 'checked', tornTail: 'kept' } },
  },
  'no crc': { medium: 'file', file: { checksums: CHECKSUMS_WITHOUT_CRC } },
  'append without expected position': {
    medium: 'memory',
    journal: (journal, log) =>
      log === undefined
        ? journal
        : withAppend(journal, (_at, batch) => {
            log.add(log.head, batch);
            return Promise.resolve({ kind: 'appended', head: log.head });
          }),
  },
  'epoch not checked': { medium: 'memory', lateAnywhere: true },
  'medium that lies': { medium: 'memory', lies: true },
  'log rolled back': {
    medium: 'memory',
    onOpen: (log) => {
      if (log.head.size > 12) log.rollBack(3);
    },
  },
  'lease without fencing token': { surface: withoutFences },
  'idempotency table not rebuilt': { surface: forgottenKeys },
  // Half a tick late: at the instant at which a lease ends it is not over yet.
  'expiry closed interval': { clockLagMs: 0.5 },
  'renewal forgotten': { surface: forgottenRenewals },
  'renewal never expires': { surface: endlessRenewals },
  'decide reads the clock': { surface: decideByClock },
  'ready set ignores phase': plansWithout('phase'),
  'path overlap ignored': plansWithout('owns'),
  'dependencies ignored': plansWithout('dependsOn'),
  'capabilities ignored': plansWithout('needs'),
  'refusal before durable': { surface: hastyRefusals },
  'unknown outcome taken for no': { medium: 'file', surface: unknownIsNo },
  'double grant': { surface: doubleGrants },
  'state hash skips a room': {
    sections: (world) => worldSections(world).filter(({ name }) => !name.startsWith('realm/')),
  },
};
