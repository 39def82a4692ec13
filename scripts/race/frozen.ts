/**
 * A worker that is stopped past its lease: it claims a task, says so, and waits for a line on its input. When it comes
 * (after the process was stopped and woken) it tries every kind of write under its old lease and prints each answer.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { call } from './caller.ts';

const [at = '', name = 'sleeper', taskId = ''] = process.argv.slice(2);
const url = new URL(at);
const token = process.env['RACE_TOKEN'] ?? '';
const STDOUT = 1;

const say = (line: object): void => {
  writeSync(STDOUT, `${JSON.stringify(line)}\n`);
};

const opened = await call(url, 'sessions.open', { agent: name }, { token, key: `frozen-${name}` });
const sessionId = String(opened.body['sessionId']);
const own = String(opened.body['token']);
const claim = await call(url, 'tasks.claim', { sessionId, taskId, leaseMs: 1_000 }, { token: own });
const { fencingToken, fence } = claim.body;
say({ kind: 'claimed', sessionId, taskId, fence, status: claim.status });

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'write') continue;
  const held = { taskId, fencingToken };
  const writes: readonly (readonly [string, object])[] = [
    ['tasks.progress', { ...held, note: 'still here' }],
    ['tasks.renew', { sessionId, leases: [held] }],
    ['blockers.raise', { ...held, kind: 'other', title: 'late' }],
    ['tasks.fail', { ...held, reason: 'late' }],
    ['tasks.release', held],
    ['tasks.complete', held],
  ];
  for (const [op, input] of writes) {
    const { status, body } = await call(url, op, input, { token: own });
    say({ kind: 'late', op, status, code: body['code'], facts: body['facts'], lost: body['lost'] });
  }
  say({ kind: 'over' });
  break;
}
