import { problemOf, reject } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { Fault } from '../../fault.ts';
import { problemHeaders, problemResponse, rejectionOf } from './problem.ts';

test('Retry-After is in whole seconds, rounded up: early is refused again', () => {
  const busy = { ...reject('fabric.overloaded', 'slow down'), retryAfterMs: 1_001 };
  expect(problemHeaders(problemOf(busy))).toEqual({ 'retry-after': '2' });
  expect(problemHeaders(problemOf({ ...busy, retryAfterMs: 50 }))).toEqual({ 'retry-after': '1' });
  expect(problemHeaders(problemOf(reject('task.leased', 'held')))).toEqual({});
});

test('a problem carries status, code, remedy and facts; 401 names the scheme', async () => {
  const response = problemResponse(reject('auth.missing', 'no credential', { a: 1 }), {});
  expect(response.status).toBe(401);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="infrafabric"');
  expect(await response.json()).toMatchObject({
    code: 'auth.missing',
    remedy: 'fix-request',
    facts: { a: 1 },
  });
});

test('a fault crosses as its code, a defect as internal; neither says what broke', () => {
  const fault = new Fault('log.full', { transient: true, detail: 'ENOSPC at /srv/realm' });
  expect(rejectionOf(fault)).toMatchObject({ code: 'log.full' });
  expect(rejectionOf(new Error('/srv/realm/keys'))).toMatchObject({ code: 'internal' });
  expect(JSON.stringify([rejectionOf(fault), rejectionOf('/srv')])).not.toContain('/srv');
});
