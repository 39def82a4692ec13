import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { SESSION_IDLE_MS, SESSION_TOKEN_MS } from '@infrafabric/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { served } from '../../../test/served.ts';
import { ManualClock } from '../../engine/clock.ts';

/** A connection believes a credential for a second of real time (`createCredential`). */
const BELIEVED_MS = 1_050;

interface Frame {
  readonly id?: unknown;
  readonly ok?: { readonly token?: string };
  readonly grants?: readonly { readonly taskId: string }[];
  readonly end?: { readonly problem?: { readonly code: string } };
}

/** An operator's connection on which a session waits for work under its own token. */
async function waiting() {
  const clock = new ManualClock();
  const { realm, fabric, url, end } = await served({ clock });
  onTestFinished(end);
  const authorization = `Bearer ${realm.operatorToken}`;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/connect`, {
    headers: { authorization },
  });
  onTestFinished(() => socket.terminate());
  const frames: Frame[] = [];
  socket.on('message', (data: Buffer) => {
    frames.push(...[JSON.parse(data.toString()) as Frame | readonly Frame[]].flat());
  });
  await once(socket, 'open');
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  const until = async (found: (frame: Frame) => boolean): Promise<Frame> => {
    for (;;) {
      const frame = frames.find(found);
      if (frame !== undefined) return frame;
      await once(socket, 'message');
    }
  };
  const call = async <T>(op: string, input: unknown): Promise<T> => {
    const reply = await fabric.call(op, input, {
      principal: { cred: 'operator', name: 'operator', role: 'operator' },
    });
    if (reply.kind === 'reject') throw new Error(reply.detail);
    return reply.output as T;
  };
  const open = { agent: 'ada', leasesMax: 5 };
  const { sessionId, token } = await call<Record<string, string>>('sessions.open', open);
  const submit = (id: string) =>
    call('plans.submit', { plan: { id, tasks: [{ key: 'a', title: 'a' }] } });
  send({ id: 'w', wait: { sessionId }, token });
  await submit('first');
  await until(({ grants }) => grants?.[0]?.taskId === 'first/a');
  /** Lets time pass in which the session shows itself. */
  const pass = async (ms: number): Promise<void> => {
    const stepMs = SESSION_IDLE_MS / 2;
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await call('sessions.heartbeat', { sessionId });
    }
  };
  return { sessionId, token, frames, send, until, submit, pass };
}

test('a wait whose credential has expired ends with its next push, which is not told', async () => {
  const { frames, until, submit, pass } = await waiting();
  await pass(SESSION_TOKEN_MS);
  await pause(BELIEVED_MS);
  await submit('second');
  const { end } = await until((frame) => frame.id === 'w' && frame.end !== undefined);
  expect(end?.problem?.code).toBe('auth.expired');
  expect(frames.some(({ grants }) => grants?.[0]?.taskId === 'second/a')).toBe(false);
});

test('a wait goes on where the connection has shown a newer token of the session', async () => {
  const { sessionId, token, frames, send, until, submit, pass } = await waiting();
  await pass(SESSION_TOKEN_MS * 0.75);
  send({ id: 'beat', op: 'sessions.heartbeat', input: { sessionId }, token });
  const beaten = await until(({ id }) => id === 'beat');
  const newer = beaten.ok?.token;
  expect(newer).not.toBe(token);
  send({ id: 'again', op: 'sessions.heartbeat', input: { sessionId }, token: newer });
  await until(({ id }) => id === 'again');
  await pass(SESSION_TOKEN_MS * 0.5);
  await pause(BELIEVED_MS);
  await submit('second');
  await until(({ grants }) => grants?.[0]?.taskId === 'second/a');
  await submit('third');
  await until(({ grants }) => grants?.[0]?.taskId === 'third/a');
  expect(frames.filter(({ end }) => end !== undefined)).toEqual([]);
});

test('a wait of a session that is revoked ends', async () => {
  const { sessionId, send, until } = await waiting();
  send({ id: 'r', op: 'sessions.revoke', input: { sessionId, reason: 'enough' } });
  const { end } = await until((frame) => frame.id === 'w' && frame.end !== undefined);
  expect(end?.problem?.code).toMatch(/^(?:session\.ended|auth\.invalid)$/u);
});
