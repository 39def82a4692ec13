import { expect, onTestFinished, test } from 'vitest';
import { served } from '../../../test/served.ts';

async function serve() {
  const { realm, fabric, url, end } = await served({ mcp: true });
  onTestFinished(end);
  const send = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${realm.operatorToken}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const tool = async (name: string, args: object): Promise<void> => {
    const params = { name, arguments: args };
    const answer = await send('/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    expect(answer.status).toBe(200);
    await answer.text();
  };
  const metrics = async (): Promise<readonly string[]> =>
    (await (await send('/metrics')).text()).split('\n');
  return { fabric, send, tool, metrics };
}

test('operations that tools call are counted with their outcome and their time', async () => {
  const { tool, metrics } = await serve();
  await tool('register_session', { agent: 'ada' });
  await tool('show_status', { taskId: 'no/such' });
  const lines = await metrics();
  expect(lines).toContain('ifab_calls_total{surface="mcp",operation="sessions.open",code="ok"} 1');
  expect(lines).toContain(
    'ifab_calls_total{surface="mcp",operation="tasks.show",code="task.not_found"} 1',
  );
  expect(lines).toContain('ifab_call_seconds_count{surface="mcp",operation="sessions.open"} 1');
});

test('each durable append is counted with its entries', async () => {
  const { fabric, send, metrics } = await serve();
  const principal = { cred: 'operator', name: 'operator', role: 'operator' } as const;
  const open = { agent: 'ada' };
  await send('/v1/sessions.open', open);
  // Of one turn, so of one batch.
  await Promise.all([1, 2, 3].map(() => fabric.call('sessions.open', open, { principal })));
  const lines = await metrics();
  expect(lines).toContain('ifab_batch_entries_sum 4');
  expect(lines).toContain('ifab_batch_entries_count 2');
  expect(lines).toContain('ifab_batch_entries_bucket{le="1"} 1');
});
