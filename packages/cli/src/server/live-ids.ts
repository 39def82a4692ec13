/** Ids for completion, straight over HTTP: a client library would take longer to load than the person waits. */
import { request } from 'node:http';
import type { Io } from '../io.ts';
import type { GlobalFlags, LiveKind } from '../tree/command.ts';
import { findTarget } from './target.ts';

/** All that a press of a key may cost; then there are no candidates. */
const ANSWER_MS_MAX = 200;
/** Longer lists are no help in a shell. */
const IDS_MAX = 200;
/** An answer that is larger is not read: 200 rows are far below it. */
const ANSWER_CHARS_MAX = 4 * 1024 * 1024;

interface LiveId {
  readonly word: string;
  readonly says: string;
}

interface Question {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly list: string;
  readonly id: string;
  readonly says: string;
}

type Listed = Exclude<LiveKind, 'task' | 'phase'>;

const OPEN = { limit: IDS_MAX, status: 'open' } as const;
const ALL = { limit: IDS_MAX } as const;

const LISTS: Readonly<Record<Listed, Question>> = {
  plan: { operation: 'plans.list', input: ALL, list: 'plans', id: 'planId', says: 'title' },
  session: {
    operation: 'sessions.list',
    input: OPEN,
    list: 'sessions',
    id: 'sessionId',
    says: 'agent',
  },
  blocker: {
    operation: 'blockers.list',
    input: OPEN,
    list: 'blockers',
    id: 'blockerId',
    says: 'title',
  },
  swarm: { operation: 'swarms.list', input: ALL, list: 'swarms', id: 'swarmId', says: 'model' },
  account: {
    operation: 'budgets.list',
    input: ALL,
    list: 'accounts',
    id: 'account',
    says: 'parent',
  },
  escalation: {
    operation: 'escalations.list',
    input: OPEN,
    list: 'escalations',
    id: 'escalationId',
    says: 'summary',
  },
};

const questionOf = (kind: LiveKind, before: readonly string[], current: string): Question => {
  switch (kind) {
    case 'task': {
      // A plan's name is there: only its tasks are asked for, or a large realm would hide them.
      const [planId = '', rest] = current.split('/');
      const input = rest === undefined ? ALL : { ...ALL, planId };
      return { operation: 'tasks.list', input, list: 'tasks', id: 'taskId', says: 'title' };
    }
    case 'phase':
      // The plan stands before its phase.
      return {
        operation: 'plans.show',
        input: { planId: before.at(-1) ?? '' },
        list: 'phases',
        id: 'id',
        says: 'title',
      };
    case 'plan':
    case 'session':
    case 'blocker':
    case 'swarm':
    case 'account':
    case 'escalation':
      return LISTS[kind];
  }
};

/** Rejects where there is no fabric, or none that answers in time. */
export const liveIds = async (
  kind: LiveKind,
  { before, current }: { readonly before: readonly string[]; readonly current: string },
  io: Io,
): Promise<readonly LiveId[]> => {
  const { operation, input, list, id, says } = questionOf(kind, before, current);
  const answer = await post(findTarget(flagsOf(before), io), operation, input);
  const rows: unknown = isRecord(answer) ? answer[list] : undefined;
  if (!Array.isArray(rows)) return [];
  return rows.filter(isRecord).map((row) => ({ word: textOf(row[id]), says: textOf(row[says]) }));
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Of the flags before the word, those that say which fabric. */
const flagsOf = (before: readonly string[]): GlobalFlags => {
  const valueOf = (flag: string): string | undefined => {
    const at = before.lastIndexOf(flag);
    return at < 0
      ? before.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1)
      : before[at + 1];
  };
  return {
    json: false,
    quiet: true,
    color: false,
    input: false,
    yes: false,
    dryRun: false,
    why: false,
    trace: undefined,
    mode: 'normal',
    key: undefined,
    url: valueOf('--url'),
    dataDir: valueOf('--data-dir'),
    realm: valueOf('--realm'),
    tokenFile: valueOf('--token-file'),
  };
};

const post = (
  { url, token }: { readonly url: string; readonly token: string },
  operation: string,
  input: unknown,
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = request(
      `${url}/v1/${operation}`,
      { method: 'POST', headers, signal },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_CHARS_MAX) sent.destroy(new Error('too much'));
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve(JSON.parse(text));
          } catch (cause) {
            reject(cause instanceof Error ? cause : new Error('no JSON'));
          }
        });
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(input));
  });
