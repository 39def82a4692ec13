/** Every command against a real fabric in this process: real sockets, a real folder, the command line as it is. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, lines, run as runWith } from '../../packages/cli/test/io.ts';
import type { Ran, RunOptions } from '../../packages/cli/test/io.ts';
import { commandName } from '../../packages/cli/src/tree/command.ts';
import { COMMANDS } from '../../packages/cli/src/tree/tree.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-cli-'));
const dataDir = join(root, 'state', 'infrafabric', 'main');
const env = {
  HOME: root,
  XDG_STATE_HOME: join(root, 'state'),
  XDG_CONFIG_HOME: join(root, 'config'),
  IFAB_LISTEN_PORT: '0',
};
const run = (words: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  runWith(words, { cwd: root, ...options, env: { ...env, ...options.env } });
/** The answer of a command that must succeed. */
const answer = async (...words: readonly string[]): Promise<Record<string, unknown>> => {
  const { code, stdout, stderr } = await run([...words, '--json']);
  expect(stderr, words.join(' ')).toBe('');
  expect(code, words.join(' ')).toBe(0);
  return Object(json(stdout)) as Record<string, unknown>;
};

interface Served {
  readonly said: Record<string, unknown>;
  stop(): Promise<Ran>;
}

const serve = async (): Promise<Served> => {
  const stop = new AbortController();
  const up = Promise.withResolvers<Record<string, unknown>>();
  const ended = run(['serve', '--json'], {
    signal: stop.signal,
    onStdout: (text) => up.resolve(Object(JSON.parse(text)) as Record<string, unknown>),
  });
  const said = await Promise.race([
    up.promise,
    ended.then(({ stderr }): never => {
      throw new Error(stderr);
    }),
  ]);
  return {
    said,
    stop: () => {
      stop.abort();
      return ended;
    },
  };
};

const PLAN = {
  id: 'shop',
  title: 'A shop',
  phases: [{ id: 'build' }, { id: 'ship', autonomous: true }],
  tasks: [
    { key: 'api', title: 'The API \u001b[31m', phase: 'build', needs: ['lang:rust'] },
    { key: 'web', title: 'The web', phase: 'build', dependsOn: ['api'] },
    { key: 'ship', title: 'Ship it', phase: 'ship' },
  ],
};
const planPath = join(root, 'shop.json');

let fabric: Served;
beforeAll(async () => {
  writeFileSync(planPath, JSON.stringify(PLAN));
  fabric = await serve();
});
afterAll(async () => {
  const { code, stderr } = await fabric.stop();
  if (code !== 0) throw new Error(`the fabric did not drain: ${stderr}`);
  rmSync(root, { recursive: true });
});

test('the first start makes keys that only their owner can read, and says where', () => {
  const { tokenPath, isNew, durability } = fabric.said;
  expect({ tokenPath, isNew, durability }).toEqual({
    tokenPath: join(dataDir, 'keys', 'operator.token'),
    isNew: true,
    durability: 'fsync',
  });
  expect(statSync(String(tokenPath)).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'serve.json')).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(join(dataDir, 'serve.json'), 'utf8'))).toMatchObject({
    pid: process.pid,
    url: fabric.said['url'],
  });
});

test('a second leader of the folder exits 3 and names the holder', async () => {
  const { code, stderr } = await run(['serve']);
  expect(code).toBe(3);
  expect(stderr).toContain('log.locked');
  expect(stderr).toContain(`process ${process.pid}`);
  expect(stderr.trimEnd().split('\n').at(-1)).toContain('ifab status');
});

describe('the life of a plan, by commands alone', () => {
  let sessionId = '';
  let fencingToken = '';

  test('a dry run sends nothing', async () => {
    expect(await answer('plan', 'submit', planPath, '--dry-run')).toMatchObject({
      dryRun: true,
      tasks: 3,
    });
    expect(await answer('plan', 'list')).toEqual({ plans: [] });
  });

  test('it is submitted once; a second time nothing changes', async () => {
    expect(await answer('plan', 'submit', planPath)).toEqual({
      planId: 'shop',
      tasks: 3,
      ready: 1,
      changed: true,
    });
    expect(await answer('plan', 'submit', planPath)).toMatchObject({ changed: false });
    const other = await run(['plan', 'submit', '-', '--id', 'shop'], {
      stdin: '{"id":"x","tasks":[{"key":"z","title":"Z"}]}',
    });
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('plan.exists');
    expect(other.stderr).toContain('--id');
  });

  test('titles of others do not reach the terminal as they are', async () => {
    const { stdout } = await run(['task', 'list', '--color'], { terminal: true });
    expect(stdout).toContain('The API \\u{1b}[31m');
  });

  test('a session that lacks what the task needs is told so', async () => {
    const ada = await answer('session', 'open', 'ada');
    const { code, stderr } = await run([
      'task',
      'claim',
      'shop/api',
      '--session',
      String(ada['sessionId']),
    ]);
    expect(code).toBe(3);
    expect(stderr).toContain('capability.missing');
    expect(await answer('session', 'close', String(ada['sessionId']))).toMatchObject({
      released: [],
    });
  });

  test('work is taken, written about and completed', async () => {
    ({ sessionId } = (await answer(
      'session',
      'open',
      'bob',
      '--capabilities',
      'lang:rust,tool:git',
    )) as { sessionId: string });
    const { code, stdout } = await run(['task', 'next', '--lease', '10m', '--json'], {
      env: { IFAB_SESSION: sessionId },
    });
    expect(code).toBe(0);
    const { grants } = json(stdout) as {
      grants: { taskId: string; fencingToken: string; leaseMs: number }[];
    };
    expect(grants).toMatchObject([{ taskId: 'shop/api', leaseMs: 600_000 }]);
    fencingToken = grants[0]?.fencingToken ?? '';
    const held = { env: { IFAB_FENCING_TOKEN: fencingToken } };
    expect(
      (await run(['task', 'progress', 'shop/api', '--percent', '50', '--note', 'half'], held)).code,
    ).toBe(0);
    expect((await run(['task', 'explain', 'shop/api', '--mode=falsify'])).stdout).toContain(
      'holds',
    );
    const done = await run(
      ['task', 'complete', 'shop/api', '--evidence', '{"exitCode":0}', '--json'],
      held,
    );
    expect(json(done.stdout)).toEqual({ taskId: 'shop/api', phase: 'done' });
  });

  test('the same key gives the first reply again', async () => {
    const words = [
      'witness',
      'record',
      'deploy',
      'released',
      '--params',
      '{"version":"1"}',
      '--key',
      'release-one',
    ];
    const first = await answer(...words);
    expect(await answer(...words)).toEqual(first);
  });

  test('a stale token is refused for good: exit 3', async () => {
    const { code, stderr } = await run([
      'task',
      'release',
      'shop/api',
      '--fencing-token',
      fencingToken,
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/lease\.stale|task\.done/);
  });

  test('what is held by another is a matter of time: exit 75', async () => {
    const { sessionId: other } = (await answer('session', 'open', 'eve')) as { sessionId: string };
    const grant = await answer(
      'task',
      'claim',
      'shop/web',
      '--session',
      sessionId,
      '--lease',
      '10m',
    );
    fencingToken = String(grant['fencingToken']);
    const { code, stderr } = await run(['task', 'claim', 'shop/web', '--session', other]);
    expect(code).toBe(75);
    expect(stderr).toContain('task.leased');
    const explained = await run(['task', 'explain', 'shop/web', '--mode=falsify', '--json']);
    expect(json(explained.stdout)).toMatchObject({ holds: true, mode: 'falsify' });
  });

  test('a blocker is raised, joined and resolved', async () => {
    expect(await answer('task', 'show', 'shop/web')).toMatchObject({
      phase: 'leased',
      holder: { agent: 'bob' },
    });
    const held = ['--fencing-token', fencingToken];
    const raised = await answer(
      'blocker',
      'raise',
      'shop/web',
      ...held,
      '--kind',
      'access',
      '--title',
      'no key',
      '--needs',
      'tool:git,lang:rust',
    );
    const id = String(raised['blockerId']);
    expect((await run(['blocker', 'list', '--status', 'open'])).stdout).toContain('no key');
    const { sessionId: helper } = (await answer('session', 'open', 'sam')) as { sessionId: string };
    expect(await answer('blocker', 'join', id, '--session', helper)).toEqual({
      blockerId: id,
      helpers: [helper],
    });
    expect(await answer('blocker', 'resolve', id, '--resolution', 'given')).toMatchObject({
      taskId: 'shop/web',
    });
  });

  test('ids that are nearly right are guessed', async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['plan', 'show', 'shp'], 'Did you mean shop?'],
      [['task', 'show', 'shop/wbe'], 'Did you mean shop/web?'],
      [['task', 'show', 'shopp/web'], 'Did you mean shop/web?'],
      [
        ['session', 'close', `${sessionId.slice(0, -1)}${sessionId.endsWith('0') ? '1' : '0'}`],
        `Did you mean ${sessionId}?`,
      ],
      [['blocker', 'resolve', 'blk_0000000000000000', '--resolution', 'x'], 'ifab blocker list'],
    ];
    for (const [words, hint] of cases) {
      const { code, stderr } = await run(words);
      expect(code, words.join(' ')).toBe(2);
      expect(stderr, words.join(' ')).toContain(hint);
    }
  });

  test('--why shows the entries behind an answer, and behind a refusal', async () => {
    const explained = await answer('task', 'explain', 'shop/ship', '--why');
    expect(explained['why']).toEqual(
      expect.arrayContaining([expect.objectContaining({ operation: 'plans.submit' })]),
    );
    const written = await answer('plan', 'pause', 'shop', '--reason', 'look', '--why');
    expect(written['why']).toEqual(
      expect.arrayContaining([expect.objectContaining({ operation: 'plans.pause' })]),
    );
    const refused = await run(['task', 'unpark', 'shop/web', '--why']);
    expect(refused.code).toBe(3);
    expect(refused.stdout).toContain('Rule: task.not_parked');
    expect(refused.stdout).toContain('tasks.claim');
    expect((await run(['plan', 'resume', 'shop', '--why'])).stdout).toContain('Behind it:');
  });

  test('--trace follows a call into the log', async () => {
    const trace = 'a'.repeat(32);
    expect((await run(['plan', 'pause', 'shop', '--trace', trace])).code).toBe(0);
    const made = await run(['plan', 'resume', 'shop', '--trace']);
    expect(made.stderr).toMatch(/^trace [0-9a-f]{32}\n$/);
    const found = await run(['witness', 'trace', trace, '--json']);
    expect(lines(found.stdout)).toMatchObject([{ operation: 'plans.pause', trace }]);
    expect((await run(['witness', 'trace', trace])).stdout).toContain('plans.pause');
    expect((await run(['witness', 'trace', 'b'.repeat(32)])).stdout).toBe('No entries.\n');
    expect((await run(['witness', 'trace', 'shop/api'])).stdout).toContain('tasks.complete');
  });

  test('phases are checked and approved', async () => {
    const { code, stderr } = await run(['phase', 'approve', 'shop', 'build']);
    expect([0, 3]).toContain(code);
    if (code === 3) expect(stderr).toContain('phase.not_waiting');
    expect((await run(['phase', 'approve', 'shop', 'nowhere'])).code).toBe(2);
  });

  test('the plan comes out of the log again, with its edits and how far it is', async () => {
    const docs = '[{"key":"docs","title":"Docs"}]';
    await answer('plan', 'edit', 'shop', '--add', docs);
    const edge = '[{"task":"docs","dependsOn":"web"}]';
    const first = '[{"task":"docs","priority":0}]';
    await answer('plan', 'edit', 'shop', '--add-dependencies', edge, '--priorities', first);
    const exported = await run(['plan', 'export', 'shop']);
    expect(exported.code, exported.stderr).toBe(0);
    const plan = JSON.parse(exported.stdout) as { tasks: Record<string, unknown>[] };
    expect(plan.tasks.map(({ key }) => key)).toEqual(['api', 'web', 'ship', 'docs']);
    expect(plan.tasks[0]).toMatchObject({ imported: { done: true } });
    expect(plan.tasks[3]).toMatchObject({ dependsOn: ['web'], priority: 0 });
    await answer(
      'plan',
      'edit',
      'shop',
      '--drop-dependencies',
      '[{"task":"docs","dependsOn":"shop/web"}]',
    );
    const fresh = JSON.parse(
      (await run(['plan', 'export', 'shop', '--fresh'])).stdout,
    ) as typeof plan;
    expect(fresh.tasks[0]).not.toHaveProperty('imported');
    expect(fresh.tasks[3]).toMatchObject({ dependsOn: [] });
    expect((await run(['plan', 'export', 'shop', '--format', 'mermaid'])).stdout).toContain(
      ':::done',
    );
    expect((await run(['plan', 'export', 'shop', '--format', 'dot'])).stdout).toMatch(/^digraph/);
    expect(await answer('plan', 'export', 'shop', '--format', 'dot')).toMatchObject({
      format: 'dot',
    });
    expect((await run(['plan', 'export', 'shop', '--format', 'png'])).code).toBe(2);
    const again = join(root, 'again.json');
    writeFileSync(again, exported.stdout);
    expect(await answer('plan', 'submit', again, '--id', 'shop2')).toMatchObject({
      tasks: 4,
      changed: true,
    });
  });

  test('what cannot be undone asks first', async () => {
    const words = ['plan', 'cancel', 'shop2', '--reason', 'a copy'];
    expect((await run(words)).code).toBe(2);
    expect((await run(words, { terminal: true, answers: ['n'] })).code).toBe(2);
    expect((await run([...words, '--no-input'], { terminal: true, answers: ['y'] })).code).toBe(2);
    const said = await run(words, { terminal: true, answers: ['y'] });
    expect(said).toMatchObject({ code: 0 });
    expect(said.stderr).toContain('[y/N]');
    expect((await run(['session', 'revoke', sessionId, '--reason', 'over', '--yes'])).code).toBe(0);
  });

  test('status is what a count of everything gives', async () => {
    const told = await answer('status', '--mode=falsify');
    expect(told).toMatchObject({ mode: 'falsify', holds: true });
    expect((await run(['status', '--mode=falsify'])).stdout).toContain('Tried to disprove it');
  });
});

describe('plans of other tools', () => {
  const board = join(root, 'board.md');
  beforeAll(() => {
    writeFileSync(
      board,
      '| ID | Task | Status |\n|---|---|---|\n| T1 | First | done |\n| T2 | Second | open |\n',
    );
  });

  test('the report is the answer; importing twice changes nothing', async () => {
    const dry = await run(['plan', 'import', board, '--dry-run', '--json']);
    expect(json(dry.stdout)).toMatchObject({ format: 'markdown-board', tasks: 2 });
    expect(dry.stderr).toContain('nothing was sent');
    const [report, submitted] = lines((await run(['plan', 'import', board, '--json'])).stdout);
    expect(report).toEqual(json(dry.stdout));
    expect(submitted).toMatchObject({ planId: 'board', tasks: 2, changed: true });
    expect(lines((await run(['plan', 'import', board, '--json'])).stdout)[1]).toMatchObject({
      changed: false,
    });
    expect((await run(['plan', 'import', board, '--id', 'b2', '--reopen'])).stdout).toContain(
      'plan b2: 2 tasks',
    );
  });

  test('a plan that is larger than one call goes in parts, and a second time changes nothing', async () => {
    const tasks = Array.from({ length: 750 }, (_, at) => ({
      key: `t${at}`,
      title: `Task ${at}`,
      description: 'x'.repeat(19_000),
      ...(at === 0 ? {} : { dependsOn: [`t${at - 1}`] }),
    }));
    const path = join(root, 'large.json');
    writeFileSync(path, JSON.stringify({ id: 'large', tasks: tasks.toReversed() }));
    const { code, stdout, stderr } = await run(['plan', 'submit', path, '--json']);
    expect(code, stderr).toBe(0);
    expect(json(stdout)).toEqual({ planId: 'large', tasks: 750, ready: 1, changed: true });
    expect(stderr).toContain('part 2 of 2');
    expect(await answer('plan', 'submit', path)).toMatchObject({ tasks: 750, changed: false });
    expect(await answer('plan', 'show', 'large')).toMatchObject({
      status: 'active',
      longestChain: 750,
    });
    const exported = JSON.parse((await run(['plan', 'export', 'large'])).stdout) as {
      tasks: unknown[];
    };
    expect(exported.tasks).toHaveLength(750);
  });

  test('submit takes our own formats only, and says what takes the others', async () => {
    const { code, stderr } = await run(['plan', 'submit', board]);
    expect(code).toBe(2);
    expect(stderr).toContain('ifab plan import');
  });

  test('every fault of a plan is named, with its mend', async () => {
    const { code, stderr } = await run(['plan', 'submit', '-'], {
      stdin: 'id: p\ntasks:\n  - key: a\n    title: A\n    dependsOn: [b]\n',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('depends on “b”');
    const told = await run(['plan', 'submit', '-', '--json'], { stdin: '' });
    expect(json(told.stderr)).toMatchObject({
      code: 'cli.input',
      facts: { issues: [expect.anything()] },
    });
  });
});

describe('the log', () => {
  // A proof has the checkpoint signed that covers it; otherwise the first one comes within a second.
  beforeAll(async () => {
    const { code, stderr } = await run(['witness', 'proof', '0']);
    if (code !== 0) throw new Error(stderr);
  });

  test('events come from the log, filtered, with cursors', async () => {
    const all = lines((await run(['events', '--json'])).stdout) as {
      cursor: string;
      type: string;
    }[];
    expect(all[0]).toMatchObject({ cursor: '0.0', type: 'realm.opened' });
    const after = lines((await run(['events', '--json', '--after', all[2]?.cursor ?? ''])).stdout);
    expect(after[0]).toEqual(all[3]);
    const some = lines(
      (
        await run([
          'events',
          '--json',
          '--types',
          'plan.submitted,session.opened',
          '--plan',
          'shop',
        ])
      ).stdout,
    );
    expect(some).toMatchObject([{ type: 'plan.submitted' }]);
    expect((await run(['events', '--task', 'shop/api'])).stdout).toContain('task.completed');
  });

  test('events -f goes on until it is interrupted', async () => {
    const stop = new AbortController();
    const seen = Promise.withResolvers<string>();
    const following = run(['events', '-f', '--json'], {
      signal: stop.signal,
      onStdout: seen.resolve,
    });
    // The feed begins with what happens from now on; the first call may come before it stands.
    const timer = setInterval(() => void run(['witness', 'record', 'test', 'tick']), 200);
    expect(JSON.parse(await seen.promise)).toMatchObject({
      type: expect.any(String),
      cursor: expect.any(String),
    });
    clearInterval(timer);
    stop.abort();
    expect(await following).toMatchObject({ code: 0 });
  });

  test('it is verified and replayed while the fabric runs', async () => {
    const verified = await answer('witness', 'verify', '-q');
    expect(verified).toMatchObject({ ok: true, log: { anchored: 'UNANCHORED' } });
    const { key } = (await answer('witness', 'checkpoint')) as { key: string };
    const held = join(root, 'held');
    writeFileSync(held, (await run(['witness', 'checkpoint'])).stdout);
    const anchored = await answer(
      'witness',
      'verify',
      dataDir,
      '--log-key',
      key,
      '--checkpoint',
      held,
    );
    expect(anchored).toMatchObject({ ok: true, log: { anchored: 'ANCHORED' } });
    // Kept as JSON, as the operator's first day says; and a file that is no checkpoint accuses nobody.
    writeFileSync(held, (await run(['witness', 'checkpoint', '--json'])).stdout);
    const trusting = ['witness', 'verify', dataDir, '--log-key', key, '--checkpoint', held];
    expect((await run(trusting)).stdout).toContain('ANCHORED');
    for (const text of ['{"checkpoint":7}', '{', 'origin\n1\n', '']) {
      writeFileSync(held, text);
      const refused = await run(trusting);
      expect(refused, text).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain('holds no checkpoint');
    }
    const replayed = await answer('witness', 'replay', '--mode=falsify');
    expect(replayed).toMatchObject({ ok: true, replay: { ok: true } });
    expect((await run(['witness', 'replay'])).stdout).toContain('decided again');
    expect((await run(['witness', 'verify', '--level', '0', '--mode=falsify'])).code).toBe(0);
  });

  test('a log somewhere is verified from what it serves, with and without a credential', async () => {
    const url = String(fabric.said['url']);
    expect(await answer('witness', 'verify', url)).toMatchObject({
      ok: true,
      over: 'entries',
      key: 'first use',
    });
    expect(await answer('witness', 'verify', url, '--data-dir', join(root, 'none'))).toMatchObject({
      ok: true,
      over: 'hashes',
      key: 'seen before',
    });
    const { key } = (await answer('witness', 'checkpoint')) as { key: string };
    expect((await run(['witness', 'verify', url, '--log-key', key])).stdout).toContain(
      'the one that you named',
    );
    const [name] = key.split('+');
    const forged = `${name}+00000000+${key.split('+')[2]}`;
    expect((await run(['witness', 'verify', url, '--log-key', forged])).code).toBe(1);
  });

  test('a log that was changed does not hold: exit 1', async () => {
    const copy = join(root, 'copy');
    cpSync(dataDir, copy, { recursive: true });
    const segment = readdirSync(join(copy, 'journal')).find((name) => name.endsWith('.seg'));
    const path = join(copy, 'journal', segment ?? '');
    const bytes = readFileSync(path);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    for (const words of [
      ['witness', 'verify', copy],
      ['witness', 'replay', copy],
    ]) {
      const { code, stdout } = await run(words);
      expect(code, words.join(' ')).toBe(1);
      expect(stdout).toContain('DOES NOT HOLD');
    }
    const doctor = await run(['doctor', '--data-dir', copy, '--json']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toContain('ifab witness verify');
  });

  test('entries are queried, proved and exported', async () => {
    const query = await run([
      'witness',
      'query',
      '--operation',
      'plans.submit',
      '--since',
      '1h',
      '--limit',
      '1',
    ]);
    expect(query.stdout).toContain('more: --from');
    expect((await run(['witness', 'proof', '0'])).stdout).toMatch(/^c2sp\.org\/tlog-proof@v1/);
    expect((await run(['witness', 'proof', '99999'])).stderr).toContain('witness.no_such_entry');
    const { size } = (await answer('status')) as { size: number };
    const exported = lines((await run(['witness', 'export', '--to', '4'])).stdout) as {
      index: number;
    }[];
    expect(exported.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(lines((await run(['witness', 'export'])).stdout).length).toBeGreaterThanOrEqual(size);
  });
});

describe('everything else', () => {
  test('every reading command answers in JSON and in text', async () => {
    const reading = COMMANDS.filter(
      ({ operation, args }) => operation?.effect === 'read' && args.length === 0,
    );
    expect(reading.map(commandName).length).toBeGreaterThanOrEqual(6);
    for (const spec of reading) {
      await answer(...spec.path);
      expect((await run(spec.path)).stdout, commandName(spec)).not.toBe('');
    }
    for (const words of [
      ['plan', 'show', 'shop'],
      ['task', 'show', 'shop/api'],
      ['task', 'explain', 'shop/api'],
      ['top'],
      ['config', 'show'],
      ['config', 'path'],
      ['config', 'explain', 'listenPort'],
      ['config', 'explain', 'dataDir'],
      ['config', 'explain', 'tokenFile'],
      ['help', 'plan'],
      ['completion', 'fish'],
    ]) {
      await answer(...words);
      expect((await run(words)).stdout, words.join(' ')).not.toBe('');
    }
  });

  test('any operation is called by its name', async () => {
    expect(await answer('op', 'tasks.list', '--input', '{"planId":"shop"}')).toMatchObject({
      tasks: expect.any(Array),
    });
    expect(
      (await run(['op', 'tasks.list', '--input', '-'], { stdin: '{"limit":1}' })).stdout,
    ).toContain('more: --after');
    const file = join(root, 'input.json');
    writeFileSync(file, '{"limit":1}');
    expect(await answer('op', 'plans.list', '--input', `@${file}`)).toHaveProperty('plans');
    expect(await answer('op', 'tasks.list', '--schema')).toHaveProperty('output');
    expect((await run(['op', 'realm.open', '--input', '{}'])).code).toBe(3);
    expect(
      await answer('op', 'plans.pause', '--dry-run', '--input', '{"planId":"shop"}'),
    ).toMatchObject({ dryRun: true });
  });

  test('top draws on a terminal until it is interrupted, and leaves the screen as it was', async () => {
    const stop = new AbortController();
    const drawn = Promise.withResolvers<void>();
    const top = run(['top', '--every', '200ms'], {
      terminal: true,
      columns: 100,
      signal: stop.signal,
      onStdout: (text) => {
        if (text.includes('shop')) drawn.resolve();
      },
    });
    await drawn.promise;
    stop.abort();
    const { code, stdout } = await top;
    expect(code).toBe(0);
    expect(stdout.startsWith('\u001b[?1049h')).toBe(true);
    expect(stdout.endsWith('\u001b[?1049l')).toBe(true);
  });

  test('doctor finds a running fabric in order', async () => {
    const { ok, checks } = (await answer('doctor', '-q')) as {
      ok: boolean;
      checks: { name: string; state: string }[];
    };
    expect({ ok, failed: checks.filter(({ state }) => state === 'failed') }).toEqual({
      ok: true,
      failed: [],
    });
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'lock', 'journal', 'disk', 'server', 'operator token']),
    );
    chmodSync(dataDir, 0o755);
    const { code, stdout } = await run(['doctor']);
    chmodSync(dataDir, 0o700);
    expect(code).toBe(1);
    expect(stdout).toContain(`chmod 700 ${dataDir}`);
    expect((await run(['doctor'], { env: { IFAB_TOKEN: 'wrong' } })).code).toBe(1);
  });

  test('completion offers commands, flags, words and the ids that live', async () => {
    const offers = async (...words: readonly string[]): Promise<readonly string[]> =>
      (await run(['__complete', ...words])).stdout
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '')
        .filter(Boolean);
    expect(await offers('pl')).toEqual(['plan']);
    expect(await offers('plan', 's')).toEqual(['submit', 'show']);
    expect(await offers('task', 'list', '--ph')).toEqual(['--phase']);
    expect(await offers('task', 'list', '--phase', 'r')).toEqual(['ready']);
    expect(await offers('--mode', '')).toEqual(['normal', 'verify', 'falsify']);
    expect(await offers('plan', 'submit', '')).toEqual([':files']);
    expect(await offers('help', 'w')).toEqual(['witness']);
    expect(await offers('plan', 'show', 'sh')).toEqual(['shop', 'shop2']);
    expect(await offers('task', 'show', 'shop/')).toEqual([
      'shop/api',
      'shop/web',
      'shop/ship',
      'shop/docs',
    ]);
    expect(await offers('phase', 'approve', 'shop', '')).toEqual(['build', 'ship']);
    expect((await offers('session', 'close', 'ses_')).length).toBeGreaterThan(0);
    expect(await offers('blocker', 'resolve', '')).toEqual([]);
    expect(await offers('plan', 'show', '--data-dir', join(root, 'none'), '')).toEqual([]);
  });

  test('the folder’s token goes to the folder’s own fabric only', async () => {
    const { createServer } = await import('node:http');
    const seen: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    await new Promise<void>((resolve) => {
      thief.listen(0, '127.0.0.1', () => resolve());
    });
    const address = thief.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = await run(['status', '--url', `http://127.0.0.1:${port}`]);
    thief.close();
    expect(code).toBe(2);
    expect(stderr).toContain('cli.not_signed_in');
    expect(seen).toEqual([]);
    const tokenFile = String(fabric.said['tokenPath']);
    expect(
      (
        await run([
          'status',
          '--url',
          String(fabric.said['url']),
          '--data-dir',
          join(root, 'none'),
          '--token-file',
          tokenFile,
        ])
      ).code,
    ).toBe(0);
  });

  test('a configuration of a memory journal cannot be served', async () => {
    const folder = join(root, 'memory');
    mkdirSync(folder);
    writeFileSync(join(folder, 'ifab.json'), '{"journal":{"kind":"memory"}}');
    const { code, stderr } = await run(['serve'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('config explain journal');
  });
});
