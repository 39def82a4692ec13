/**
 * Scenarios: a script of commands and the transcript of what happened, in one text that reads as prose.
 *
 * A block is a run of command lines, a line `----`, and what they caused; blocks are parted by a blank line. A line
 * that begins with two spaces goes on with the command above it; a line that begins with `#` is a comment. The clock
 * stands still but for `advance`; what falls due on the way is expired at its own instant, before anything else is
 * decided at that instant, as the engine does.
 */
import {
  DECIDER_VERSION,
  explainTask,
  liveLeases,
  openSessions,
  orphanRuns,
  viewBlockers,
  viewReputation,
  viewTasks,
  worldFaults,
  type Decision,
  type DomainEvent,
  type Fence,
  type Soft,
  type WriteName,
} from '@infrafabric/core';
import { SESSION_IDLE_MS } from '@infrafabric/protocol';

import { openedRealm, type PlainArgs, type RealmRun, type RunBy } from './realm-run.ts';
import { contractFrom, endFrom, hostFrom, moduleOf, noteFrom } from './scenario-chassis.ts';
import { eventLine } from './scenario-lines.ts';
import { editFrom, microUsdOf, planFrom } from './scenario-plan.ts';
import { policyFrom, profileFrom } from './scenario-swarm.ts';
import {
  behind,
  lineOf,
  member,
  moneyIn,
  msIn,
  msOf,
  numberIn,
  type Line,
} from './scenario-words.ts';

const RULE = '----';

/** Runs a scenario and gives it back with what really happened. Throws where a line means nothing or an invariant broke. */
export const runScenario = (text: string): string => {
  const scenario = new Scenario();
  const blocks = text.trimEnd().split(/\n{2,}/);
  return `${blocks.map((block) => runBlock(scenario, block)).join('\n\n')}\n`;
};

const runBlock = (scenario: Scenario, block: string): string => {
  const lines = block.split('\n');
  const rule = lines.indexOf(RULE);
  const script = rule < 0 ? lines : lines.slice(0, rule);
  const commands: string[][] = [];
  for (const line of script) {
    if (line.startsWith('#')) continue;
    if (line.startsWith('  ')) commands.at(-1)?.push(line);
    else commands.push([line]);
  }
  if (commands.length === 0) return block;
  const said = commands.flatMap(([line = '', ...more]) => scenario.say(line, more));
  return [...script, RULE, ...said].join('\n');
};

class Scenario {
  readonly #realm: RealmRun = openedRealm();
  /** From when each lease counts, by task and fence; and when each session was last seen. */
  readonly #renewed = new Map<string, number>();
  readonly #seen = new Map<string, number>();
  /** Epoch of every grant, by task and fence: what an old token still says. */
  readonly #grants = new Map<string, Fence>();

  say(first: string, more: readonly string[]): readonly string[] {
    // Lines of a plan stand for themselves; of any other command they go on with it.
    const text = /^(plan|edit) /.test(first)
      ? first
      : [first, ...more.map((part) => part.trim())].join(' ');
    const line = lineOf(text);
    const [verb = ''] = line.words;
    const step = this.#steps[verb];
    if (step === undefined) throw new Error(`no command begins with "${verb}": ${text}`);
    const said = step(line, more);
    const faults = worldFaults(this.#realm.world);
    if (faults.length > 0) throw new Error(`after "${text}": ${faults.join('; ')}`);
    return said;
  }

  readonly #steps: Readonly<
    Record<string, (line: Line, more: readonly string[]) => readonly string[]>
  > = {
    advance: ({ words: [, by = ''] }) => this.#advance(this.#realm.at + msOf(by)),
    lead: () => {
      const args = {
        release: '0',
        decider: DECIDER_VERSION,
        cutBytes: 0,
        cause: 'takeover' as const,
        node: 'b',
        origin: 'test/realm',
      };
      return this.#run('realm.open', args, { cred: 'realm' });
    },
    plan: ({ words: [, id = ''], named }, more) =>
      this.#run('plans.submit', {
        plan: planFrom(id, more),
        ...member('confirmMicroUsd', moneyIn(named, 'confirm')),
      }),
    edit: ({ words: [, id = ''] }, more) => this.#run('plans.edit', editFrom(id, more)),
    pause: ({ words: [, planId = ''], because }) =>
      this.#run('plans.pause', { planId, ...member('reason', because) }),
    resume: ({ words: [, planId = ''] }) => this.#run('plans.resume', { planId }),
    approve: (line) => {
      const [, planId = '', phase = ''] = line.words;
      const by = behind(line, 'by');
      return this.#run('phases.approve', { planId, phase }, { ...member('principal', by) });
    },
    check: ({ words: [, planId = '', phase = ''], named }) =>
      [...named].flatMap(([name, result]) =>
        this.#run('phases.check', { planId, phase, result: { name, ok: result === 'ok' } }),
      ),
    open: (line) => this.#open(line),
    close: ({ words: [, sessionId = ''] }) => this.#run('sessions.close', { sessionId }),
    revoke: ({ words: [, sessionId = ''], because = 'it was told to' }) =>
      this.#run('sessions.revoke', { sessionId, reason: because }),
    claim: (line) => {
      const [, taskId = ''] = line.words;
      return this.#as(line, 'tasks.claim', { taskId, ...this.#lease(line), ...this.#by(line) });
    },
    next: (line) => {
      const count = line.named.get('count');
      return this.#as(line, 'tasks.next', {
        ...this.#by(line),
        ...this.#lease(line),
        ...member('planId', behind(line, 'in')),
        ...member('count', count === undefined ? undefined : Number(count)),
      });
    },
    renew: (line) => {
      const fence = this.#fence(line);
      this.#renewed.set(`${line.words[1]}#${fence.n}`, this.#realm.at);
      this.#touch(line);
      return [`renewed ${line.words[1]} token=${fence.n}`];
    },
    progress: (line) =>
      this.#as(line, 'tasks.progress', { ...this.#held(line), ...member('note', line.because) }),
    release: (line) =>
      this.#as(line, 'tasks.release', { ...this.#held(line), ...member('reason', line.because) }),
    complete: (line) =>
      this.#as(line, 'tasks.complete', {
        ...this.#held(line),
        ...this.#evidence(line),
        ...(line.words.includes('next') ? { next: true } : {}),
      }),
    fail: (line) =>
      this.#as(line, 'tasks.fail', {
        ...this.#held(line),
        reason: line.because ?? 'it did not work',
        ...(line.words.includes('for-good') ? { retry: false } : {}),
      }),
    judge: (line) => this.#judge(line),
    cancel: ({ words: [, what = '', planId = ''], because = 'nobody needs it' }) =>
      what === 'plan'
        ? this.#run('plans.cancel', { planId, reason: because })
        : this.#run('tasks.cancel', { taskId: what, reason: because }),
    park: ({ words: [, taskId = ''], because = 'it waits for better days' }) =>
      this.#run('tasks.park', { taskId, reason: because }),
    unpark: ({ words: [, taskId = ''] }) => this.#run('tasks.unpark', { taskId }),
    raise: (line) => {
      const [, id = ''] = line.words;
      const taskId = behind(line, 'on') ?? '';
      const args = {
        taskId,
        fence: this.#fence({ ...line, words: ['raise', taskId, ...line.words] }),
        kind: 'other' as const,
        title: line.because ?? 'something is in the way',
        ...member('needs', behind(line, 'needs')?.split(',')),
        ...member('waitsOn', behind(line, 'until')),
        ...member('quorum', numberIn(line.named, 'quorum')),
        ...member('escalateAfterMs', msIn(behind(line, 'within'))),
        waiting: behind(line, 'waiting')?.split(',') ?? [],
        ...(line.words.includes('release') ? { release: true } : {}),
      };
      return this.#as(line, 'blockers.raise', args, { ids: [id] });
    },
    join: (line) =>
      this.#as(line, 'blockers.join', { blockerId: line.words[1] ?? '', ...this.#by(line) }),
    resolve: (line) =>
      this.#as(line, 'blockers.resolve', {
        blockerId: line.words[1] ?? '',
        resolution: line.because ?? 'it is gone',
        ...member('sessionId', behind(line, 'as')),
      }),
    explain: ({ words: [, taskId = ''] }) => {
      const answer = explainTask(this.#realm.world, { taskId: trusted(taskId) }, this.#soft());
      if ('kind' in answer) return [`rejected ${answer.code}: ${answer.detail}`];
      return answer.reasons.map(
        ({ code, text, until }) =>
          `${taskId} ${answer.phase} [${code}] ${text}${until === undefined ? '' : ` until ${until}`}`,
      );
    },
    blockers: () =>
      viewBlockers(this.#realm.world, {}).blockers.flatMap((row) => [
        `${row.blockerId} ${row.status} blocks=${row.blocks} declared=${row.declared.length}/${row.quorum}`,
        ...row.help.map(
          ({ taskId, phase, needs, sessionId }) =>
            `  ${taskId} ${phase} needs=${needs.join(',')}${sessionId === undefined ? '' : ` by ${sessionId}`}`,
        ),
      ]),
    swarm: (line) => this.#run('swarms.register', { profile: profileFrom(line.words) }),
    define: ({ words: [, id = ''], because: description = 'what it says' }) =>
      this.#run('capabilities.define', { id, description }),
    budget: ({ words: [, account = '', limit = ''], because }) =>
      this.#run('budgets.set', {
        account,
        limitMicroUsd: microUsdOf(limit),
        ...member('reason', because),
      }),
    spend: (line) => {
      const tokens = {
        ...member('model', behind(line, 'model')),
        ...member('inputTokens', numberIn(line.named, 'in')),
        ...member('outputTokens', numberIn(line.named, 'out')),
        ...member('cachedTokens', numberIn(line.named, 'cached')),
      };
      const amount = line.words.find((word) => word.startsWith('$'));
      return this.#as(line, 'usage.record', {
        ...this.#held(line),
        ...tokens,
        ...member('microUsd', amount === undefined ? undefined : microUsdOf(amount)),
        ...member('component', behind(line, 'component')),
      });
    },
    price: ({ words: [, model = ''], named, because: source = 'the price list' }) =>
      this.#run('prices.set', {
        model,
        inputMicroUsdPerMTok: moneyIn(named, 'in') ?? 0,
        outputMicroUsdPerMTok: moneyIn(named, 'out') ?? 0,
        ...member('cachedMicroUsdPerMTok', moneyIn(named, 'cached')),
        source,
      }),
    trip: ({ words: [, swarmId = ''], because = 'somebody said so' }) =>
      this.#run('breakers.trip', { swarmId, reason: because }),
    reset: ({ words: [, swarmId = ''], named, because = 'it is mended' }) =>
      this.#run('breakers.reset', {
        swarmId,
        reason: because,
        ...member('limitMicroUsd', moneyIn(named, 'limit')),
      }),
    acknowledge: ({ words: [, escalationId = ''], because }) =>
      this.#run('escalations.acknowledge', { escalationId, ...member('note', because) }),
    policy: ({ named, because }) =>
      this.#run('policies.set', { policy: policyFrom(named), ...member('reason', because) }),
    accounts: ({ words: [, ...only] }) =>
      [...this.#realm.world.governor.accounts]
        .filter(([id]) => only.length === 0 || only.includes(id))
        .map(([id, { limit, reserved, spent, overrun }]) => {
          const own = limit === undefined ? '' : ` limit=${limit}`;
          return `${id}${own} reserved=${reserved} spent=${spent} overrun=${overrun}`;
        }),
    breaker: ({ words: [, swarmId = ''] }) => {
      const swarm = this.#realm.world.governor.swarms.get(swarmId);
      const { state, reason = '', by = '' } = swarm?.breaker ?? { state: 'not there' };
      return [
        `${swarmId} ${state}${reason === '' ? '' : `: ${reason}`}${by === '' ? '' : ` (by ${by})`}`,
      ];
    },
    contract: (line) => this.#run('contracts.accept', { contract: contractFrom(line) }),
    verdict: ({ words: [, digit = ''], because }) =>
      this.#run('modules.record', {
        digest: moduleOf(digit),
        bytes: 100,
        abi: 'json',
        admitted: because === undefined,
        ...member('reason', because),
        admission: 1,
        engine: '13.6',
      }),
    run: (line) => {
      const [, id = ''] = line.words;
      const taskId = behind(line, 'of') ?? '';
      const fence = this.#fence({ ...line, words: ['run', taskId, ...line.words] });
      return this.#as(line, 'runs.start', { taskId, fence, ...hostFrom(line) }, { ids: [id] });
    },
    note: (line) => this.#as(line, 'runs.note', noteFrom(line)),
    end: (line) => this.#as(line, 'runs.end', endFrom(line)),
    reputation: ({ words: [, swarmId = ''] }) => {
      const said = viewReputation(this.#realm.world, { swarmId: trusted(swarmId) }, this.#realm.at);
      if ('kind' in said) return [`rejected ${said.code}: ${said.detail}`];
      const { provider = 'nobody', value, adjustment, samples, measured } = said;
      const how = measured ? `runs=${samples} adjustment=${adjustment}` : 'of its profile';
      return [`${swarmId} ${provider} reputation=${value} ${how}`];
    },
    tasks: ({ words: [, planId] }) => {
      const page = viewTasks(
        this.#realm.world,
        planId === undefined ? {} : { planId: trusted(planId) },
        this.#soft(),
      );
      if ('kind' in page) return [`rejected ${page.code}: ${page.detail}`];
      return page.tasks.map(
        ({ taskId, phase, fence, attempts, holder }) =>
          `${taskId} ${phase} fence=${fence} attempts=${attempts}${holder === undefined ? '' : ` by ${holder.agent}`}`,
      );
    },
  };

  #open(line: Line): readonly string[] {
    const [, id = ''] = line.words;
    const leases = line.named.get('leases');
    return this.#run(
      'sessions.open',
      {
        agent: behind(line, 'agent') ?? id,
        ...member('swarm', behind(line, 'of')),
        ...member('capabilities', behind(line, 'can')?.split(',')),
        ...member('limitMicroUsd', moneyIn(line.named, 'limit')),
        ...member('leasesMax', leases === undefined ? undefined : Number(leases)),
        ...(line.words.includes('runner') ? { role: 'runner' as const } : {}),
      },
      { ids: [id] },
    );
  }

  #judge(line: Line): readonly string[] {
    const [, taskId = '', verdict] = line.words;
    const gates = [...line.named].map(([name, result]) => ({ name, ok: result === 'ok' }));
    const args = {
      taskId,
      verdict: verdict === 'accept' ? ('accept' as const) : ('reject' as const),
      ...(gates.length === 0 ? {} : { gates }),
      ...member('reason', line.because),
    };
    const by = behind(line, 'by');
    return this.#as(line, 'tasks.judge', args, member('principal', by));
  }

  #lease(line: Line): { readonly leaseMs?: number } {
    const text = behind(line, 'for');
    return member('leaseMs', text === undefined ? undefined : msOf(text));
  }

  #by(line: Line): { readonly sessionId: string } {
    const sessionId = behind(line, 'as');
    if (sessionId === undefined) throw new Error(`who? ${line.words.join(' ')}`);
    return { sessionId };
  }

  /** The fence that the line's token says: `token=2` of this task, whoever presents it. */
  #fence(line: Line): Fence {
    const [, taskId = ''] = line.words;
    const n = Number(line.named.get('token'));
    const granted = this.#grants.get(`${taskId}#${n}`);
    return granted ?? { epoch: this.#realm.epoch, holder: behind(line, 'as') ?? '', n };
  }

  #held(line: Line): { readonly taskId: string; readonly fence: Fence } {
    return { taskId: line.words[1] ?? '', fence: this.#fence(line) };
  }

  #evidence(line: Line): Pick<PlainArgs<'tasks.complete'>, 'evidence'> {
    const exit = line.named.get('exit');
    const files = line.named.get('files');
    const gates = [...line.named]
      .filter(([name]) => !['token', 'exit', 'files'].includes(name))
      .map(([name, result]) => ({ name, ok: result === 'ok' }));
    const evidence = {
      ...member('exitCode', exit === undefined ? undefined : Number(exit)),
      ...member('diff', files === undefined ? undefined : { filesChanged: Number(files) }),
      ...(gates.length === 0 ? {} : { gates }),
    };
    return Object.keys(evidence).length === 0 ? {} : { evidence };
  }

  /** Runs an operation with the credential of the session that the line names. */
  #as<N extends WriteName>(
    line: Line,
    op: N,
    args: PlainArgs<N>,
    by: RunBy = {},
  ): readonly string[] {
    const session = behind(line, 'as');
    this.#touch(line);
    if (session === undefined) return this.#run(op, args, by);
    const agent = this.#realm.world.coordinator.sessions.get(session)?.agent ?? session;
    return this.#run(op, args, { cred: 'session', session, principal: agent, ...by });
  }

  #touch(line: Line): void {
    const session = behind(line, 'as');
    if (session !== undefined) this.#seen.set(session, this.#realm.at);
  }

  #run<N extends WriteName>(op: N, args: PlainArgs<N>, by: RunBy = {}): readonly string[] {
    const decision = this.#realm.run(op, args, by);
    if (decision.kind === 'accept') for (const event of decision.events) this.#note(event);
    return this.#lines(decision);
  }

  #note(event: DomainEvent): void {
    if (event.type === 'session.opened') this.#seen.set(event.sessionId, this.#realm.at);
    if (event.type !== 'task.leased') return;
    const key = `${event.taskId}#${event.fence}`;
    this.#renewed.set(key, this.#realm.at);
    this.#grants.set(key, { epoch: this.#realm.epoch, holder: event.sessionId, n: event.fence });
  }

  #lines(decision: Decision): readonly string[] {
    switch (decision.kind) {
      case 'accept':
        return decision.events.map((event) => eventLine(event, this.#realm.at));
      case 'unchanged':
        return ['unchanged'];
      case 'reject':
        return [`rejected ${decision.code}: ${decision.detail}`];
      case 'refuse':
        return [
          `refused ${decision.rejection.code}: ${decision.rejection.detail}`,
          eventLine(decision.record, this.#realm.at),
        ];
    }
  }

  /** Moves the clock, and stops at each instant at which something is due. */
  #advance(to: number): readonly string[] {
    const said: string[] = [];
    for (let due = this.#nextDue(); due !== undefined && due.at <= to; due = this.#nextDue()) {
      this.#realm.at = due.at;
      said.push(...due.expire());
    }
    this.#realm.at = to;
    return said;
  }

  #nextDue(): { readonly at: number; readonly expire: () => readonly string[] } | undefined {
    const leases = [...liveLeases(this.#realm.world)].map(({ taskId, fence, leaseMs }) => {
      const renewedAt = this.#renewed.get(`${taskId}#${fence}`) ?? 0;
      const expire = () =>
        this.#run('leases.expire', { taskId, fence, renewedAt }, { cred: 'realm' });
      return { at: renewedAt + leaseMs, expire };
    });
    const sessions = [...openSessions(this.#realm.world)].map(({ id: sessionId }) => {
      const seenAt = this.#seen.get(sessionId) ?? 0;
      const expire = () => this.#run('sessions.expire', { sessionId, seenAt }, { cred: 'realm' });
      return { at: seenAt + SESSION_IDLE_MS, expire };
    });
    const blockers = [...this.#realm.world.coordinator.blockers.values()]
      .filter(({ resolution, escalated }) => resolution === undefined && !escalated)
      .map(({ id: blockerId, escalateAt: at }) => {
        const expire = () => this.#run('blockers.escalate', { blockerId }, { cred: 'realm' });
        return { at, expire };
      });
    const runs = orphanRuns(this.#realm.world).map(({ runId, dueAt: at }) => {
      const expire = () => this.#run('runs.expire', { runId }, { cred: 'realm' });
      return { at, expire };
    });
    return [...leases, ...sessions, ...blockers, ...runs].toSorted((a, b) => a.at - b.at)[0];
  }

  #soft(): Soft {
    return {
      at: this.#realm.at,
      renewedAt: (taskId) => {
        const lease = [...liveLeases(this.#realm.world)].find((one) => one.taskId === taskId);
        return this.#renewed.get(`${taskId}#${lease?.fence ?? 0}`);
      },
      presence: () => ({ waiting: false }),
    };
  }
}

/** What a script writes is taken at its word. */
const trusted = <T extends string>(text: string): T => text as T;
