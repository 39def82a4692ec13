import { expect, test } from 'vitest';
import { parseTrace, traceOf, traceparentOf } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

test('the trace of a valid traceparent goes on', () => {
  const trace = traceOf(`00-${TRACE}-00f067aa0ba902b7-01`);
  expect(trace).toBe(TRACE);
  expect(traceparentOf(trace)).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
});

// W3C Trace Context §3.2.2: what cannot be parsed starts a new trace.
test.each([
  undefined,
  '',
  'garbage',
  `ff-${TRACE}-00f067aa0ba902b7-01`,
  `00-${TRACE}-00f067aa0ba902b7-01-more`,
  `00-${TRACE}-0000000000000000-01`,
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
])('traceparent %s starts a new trace', (header) => {
  const trace = traceOf(header);
  expect(trace).toMatch(/^[0-9a-f]{32}$/);
  expect(trace).not.toBe(TRACE);
  expect(trace).not.toBe('0'.repeat(32));
});

test('a later version may carry more fields', () => {
  expect(traceOf(`01-${TRACE}-00f067aa0ba902b7-01-more`)).toBe(TRACE);
});

test('a frame names a trace or none', () => {
  expect(parseTrace(TRACE)).toBe(TRACE);
  expect(parseTrace('0'.repeat(32))).toBeUndefined();
  expect(parseTrace(7)).toBeUndefined();
});
