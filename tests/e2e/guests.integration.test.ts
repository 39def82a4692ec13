/** The example guests: built from their sources, held to their contracts' digests, and run in the sandbox. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HttpGrant, ServiceContract } from '@infrafabric/protocol';
import {
  createBroker,
  createRunnerHost,
  engineBytes,
  runnerFile,
  type Broker,
  type RunnerHost,
  type RunNote,
  type RunReport,
} from '../../packages/fabric/src/chassis/index.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGuests } from '../../examples/guests/build.ts';

const root = resolve(import.meta.dirname, '../..');
const guests = join(root, 'examples/guests');
const NAMES = ['word-count', 'upper-case', 'tally', 'triage'] as const;
type Name = (typeof NAMES)[number];

const SECRET = 'key-that-no-guest-may-see';

let folder = '';
let built: Awaited<ReturnType<typeof buildGuests>> = [];
let broker: Broker;
let host: RunnerHost;

const contractOf = async (name: Name): Promise<ServiceContract> =>
  ServiceContract.parse(JSON.parse(await readFile(join(guests, name, 'contract.json'), 'utf8')));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ifab-guests-'));
  built = await buildGuests(folder);
  broker = createBroker({
    store: {
      name: 'memory',
      resolve: async () => ({ bytes: Buffer.from(SECRET), version: '1' }),
      close: async () => undefined,
    },
  });
  host = await createRunnerHost({
    runnerFile: await runnerFile(),
    engine: engineBytes,
    broker,
    blankRunners: 0,
  });
});
afterAll(async () => {
  await host.close();
  broker.close();
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  readonly report: RunReport;
  readonly text: string;
  readonly logs: readonly string[];
  readonly notes: readonly RunNote[];
}

/** Runs a guest under its own contract; `http` stands in for the contract's grants, at an address of this machine. */
const run = async (name: Name, input: string, http: readonly HttpGrant[] = []): Promise<Ran> => {
  const contract = await contractOf(name);
  const file = built.find((guest) => guest.name === name)?.file ?? '';
  const bytes = await readFile(join(folder, file));
  const runner = await host.acquire(
    { swarmId: contract.swarmId, sessionId: `session-${name}` },
    contract.limits.memoryMibMax,
  );
  try {
    const { module, limits, hostFunctions, reuse, deterministic } = contract;
    const loaded = await runner.load({
      bytes,
      digest: module.digest,
      abi: module.abi,
      entrypoints: module.entrypoints,
      allowStart: module.start,
      hostFunctions,
      reuse,
      deterministic,
      limits,
    });
    expect(loaded).toMatchObject({ ok: true });
    const logs: string[] = [];
    const notes: RunNote[] = [];
    const report = await runner.run({
      taskId: `examples/${name}`,
      entrypoint: module.entrypoints[0] ?? '',
      input: Buffer.from(input),
      limits,
      http,
      secrets: http.length > 0 ? contract.secrets : [],
      signal: new AbortController().signal,
      onNote: (note) => notes.push(note),
      onLog: (line) => logs.push(line),
    });
    expect(report.level).toBeGreaterThanOrEqual(contract.minLevel);
    return { report, text: Buffer.from(report.output).toString(), logs, notes };
  } finally {
    await runner.destroy();
  }
};

test.each(NAMES)('%s is what its contract names, byte for byte', async (name) => {
  const { module } = await contractOf(name);
  expect(built.find((guest) => guest.name === name)?.digest).toBe(module.digest);
});

test('the TypeScript guest compiles against what a guest finds, with no DOM and nothing of node', async () => {
  const options = '--ignoreConfig --noEmit --strict --target es2024 --lib es2024 --module esnext';
  const files = [join(guests, 'guest.d.ts'), join(guests, 'triage/triage.ts')];
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await promisify(execFile)(tsc, [
    ...options.split(' '),
    '--types',
    '',
    ...files,
  ]);
  expect(stdout).toBe('');
});

describe('word-count', () => {
  test.each([
    ['""', { words: 0, lines: 0, characters: 0 }],
    ['"one"', { words: 1, lines: 1, characters: 3 }],
    [String.raw`"two words\nand three more\n"`, { words: 5, lines: 3, characters: 25 }],
    [JSON.stringify('tab\there, "quotes" and \\'), { words: 5, lines: 1, characters: 24 }],
    ['"grüne Äpfel"', { words: 2, lines: 1, characters: 11 }],
    [String.raw`"\u00e9t\u00e9"`, { words: 1, lines: 1, characters: 3 }],
  ])('%s', async (input, counts) => {
    const { text, report } = await run('word-count', input);
    expect(JSON.parse(text)).toStrictEqual(counts);
    expect(report.measure.fuel).toBeGreaterThan(0);
  });

  test('a text of half a mebibyte is counted, in memory that grows', async () => {
    const { text } = await run('word-count', JSON.stringify('word '.repeat(100_000)));
    expect(JSON.parse(text)).toStrictEqual({ words: 100_000, lines: 1, characters: 500_000 });
  });

  test('what is no string is a failure that says so', async () => {
    const { report } = await run('word-count', '{"a":1}');
    expect(report).toMatchObject({ cause: 'failed', detail: 'the input is not a JSON string' });
  });
});

test('upper-case: a command reads its standard input to its end, and writes its output', async () => {
  const { text } = await run('upper-case', 'Make this loud: äöü 123.\n'.repeat(1_000));
  expect(text).toBe('MAKE THIS LOUD: äöü 123.\n'.repeat(1_000));
});

describe('tally', () => {
  test('costs are added up by model, most expensive first', async () => {
    const { text, logs } = await run(
      'tally',
      'small,100\nlarge,5000\nsmall, 250 \n\n"odd", model,7\n',
    );
    expect(JSON.parse(text)).toStrictEqual({
      models: [
        { model: 'large', microUsd: 5_000, calls: 1 },
        { model: 'small', microUsd: 350, calls: 2 },
        { model: '"odd", model', microUsd: 7, calls: 1 },
      ],
    });
    expect(logs).toStrictEqual(['info 3 models in 6 lines']);
  });

  test('a line that is none fails the run, with its number', async () => {
    const { report } = await run('tally', 'small,100\nsmall,-3');
    expect(report).toMatchObject({
      cause: 'failed',
      detail: 'line 2 is no model and amount',
    });
  });
});

/** A model's endpoint that answers what it is given, and keeps what it was asked. */
class Model {
  readonly asked: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  readonly #answers: (string | number)[];
  readonly #server: Server;

  constructor(answers: readonly (string | number)[]) {
    this.#answers = [...answers];
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        const answer = this.#answers.shift() ?? 500;
        response.statusCode = typeof answer === 'number' ? answer : 200;
        response.end(JSON.stringify({ choices: [{ message: { content: answer } }] }));
      });
    });
  }

  async open(): Promise<HttpGrant> {
    await new Promise<void>((resolved) => {
      this.#server.listen(0, '127.0.0.1', resolved);
    });
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return HttpGrant.parse({
      alias: 'model',
      origin: `http://127.0.0.1:${port}`,
      methods: ['POST'],
      pathPrefix: '/v1/',
      privateAddress: true,
    });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const TICKET = { title: 'The API is down', text: 'Every call answers 500 since ten.' };
const GOOD = JSON.stringify({
  category: 'outage',
  urgency: 3,
  subtasks: ['Roll back the last release', 'Tell the customers'],
});

const triage = async (answers: readonly (string | number)[]) => {
  const model = new Model(answers);
  const grant = await model.open();
  try {
    const input = JSON.stringify({ endpoint: `${grant.origin}/v1`, ticket: TICKET });
    return { ...(await run('triage', input, [grant])), asked: model.asked };
  } finally {
    model.close();
  }
};

describe('triage', () => {
  test('the model is asked once where it answers well, with a key that the agent never saw', async () => {
    const { text, asked, notes } = await triage([`Sure:\n${GOOD}`]);
    expect(JSON.parse(text)).toStrictEqual({ ...JSON.parse(GOOD), by: 'model' });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    expect(asked[0]?.body).toContain('Every call answers 500');
    expect(notes).toContainEqual(
      expect.objectContaining({ kind: 'credential', alias: 'model', status: 200 }),
    );
  });

  test('an answer that does not hold is told back, and asked for again', async () => {
    const wrong = JSON.stringify({ category: 'panic', urgency: 3, subtasks: ['Run'] });
    const { text, asked, logs } = await triage([wrong, GOOD]);
    expect(JSON.parse(text)).toMatchObject({ category: 'outage', by: 'model' });
    expect(asked).toHaveLength(2);
    expect(asked[1]?.body).toContain('category is not one of');
    expect(logs[0]).toMatch('question 1: category is not one of bug, question, outage, request.');
  });

  test('a model that stays busy is given up, and rules decide', async () => {
    const { text, asked } = await triage([429, 503, 500, 500]);
    expect(JSON.parse(text)).toStrictEqual({
      category: 'outage',
      urgency: 3,
      subtasks: ['Find out what changed last, and roll it back'],
      by: 'rules',
    });
    expect(asked.length).toBeGreaterThan(1);
  });

  test('without a grant the broker refuses, and rules decide', async () => {
    const input = JSON.stringify({
      endpoint: 'https://api.example.com/v1',
      ticket: { title: 'How do I log in?', text: '' },
    });
    const { text, logs } = await run('triage', input);
    expect(JSON.parse(text)).toMatchObject({ category: 'question', urgency: 1, by: 'rules' });
    expect(logs.join('\n')).toMatch('no model: ');
  });
});
