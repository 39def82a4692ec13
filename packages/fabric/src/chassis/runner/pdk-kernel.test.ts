import { expect, test } from 'vitest';
import { loadHeader, MemoryChannel, refusalFrame } from '../../../test/memory-channel.ts';
import { FROM_RUNNER, HOST_CALL_BYTES_MAX, HOST_FUNCTIONS } from '../frame.ts';
import type { LoadHeader } from '../words.ts';
import { openHostLink } from './host-link.ts';
import { PdkKernel } from './pdk-kernel.ts';

const NOTHING = new Uint8Array();
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The kernel as a plugin uses it: its functions by name, and texts by offset. */
const kernelOf = (named: Partial<LoadHeader> = {}, input = '') => {
  const channel = new MemoryChannel();
  const header = loadHeader(NOTHING, named);
  const kernel = new PdkKernel(openHostLink(channel, header), header.config);
  kernel.begin(bytesOf(input));
  const functions = kernel.functions();
  const call = (name: string, ...words: (bigint | number)[]): bigint | number => {
    const result = Reflect.apply(functions[name] as () => bigint | number, undefined, words);
    return result ?? 0;
  };
  const put = (text: string): bigint => {
    const bytes = bytesOf(text);
    const at = BigInt(call('alloc', BigInt(bytes.length)));
    for (const [index, byte] of bytes.entries()) call('store_u8', at + BigInt(index), byte);
    return at;
  };
  const text = (at: bigint | number): string => {
    const bytes = Number(call('length', BigInt(at)));
    return Buffer.from(
      Array.from({ length: bytes }, (_, index) =>
        Number(call('load_u8', BigInt(at) + BigInt(index))),
      ),
    ).toString();
  };
  return { channel, kernel, call, put, text };
};

test('a plugin reads its input by bytes, by words and by offset, and not beyond', () => {
  const { call } = kernelOf({}, '0123456789');
  expect(call('input_length')).toBe(10n);
  expect(call('input_load_u8', 9n)).toBe(0x39);
  expect(call('input_load_u8', 10n)).toBe(0);
  expect(call('input_load_u8', -1n)).toBe(0);
  expect(call('input_load_u64', 2n)).toBe(0x3938_3736_3534_3332n);
  expect(call('input_load_u64', 3n)).toBe(0n);
  expect(call('load_u8', BigInt(call('input_offset')) + 1n)).toBe(0x31);
});

test('output is what lies at the offset when the run ends; outside of the arena it is empty', () => {
  const { kernel, call, put } = kernelOf();
  const at = put('result');
  call('output_set', at, 6n);
  expect(Buffer.from(kernel.output()).toString()).toBe('result');
  call('output_set', at, 1n << 40n);
  expect(kernel.output()).toHaveLength(0);
  call('output_set', -8n, 6n);
  expect(kernel.output()).toHaveLength(0);
});

test('an error is a text that the plugin sets, and can take back', () => {
  const { kernel, call, put } = kernelOf();
  expect(kernel.error()).toBeUndefined();
  const at = put('no such thing');
  call('error_set', at);
  expect(kernel.error()).toBe('no such thing');
  expect(call('error_get')).toBe(at);
  call('error_set', 0n);
  expect(kernel.error()).toBeUndefined();
});

test('K2: a run begins with nothing of the one before', () => {
  const { kernel, call, put } = kernelOf({}, 'first input');
  const at = put('secret');
  call('output_set', at, 6n);
  call('error_set', at);
  kernel.begin(NOTHING);
  expect(kernel.output()).toHaveLength(0);
  expect(kernel.error()).toBeUndefined();
  expect(call('input_length')).toBe(0n);
  expect(call('http_status_code')).toBe(0);
  expect(call('http_headers')).toBe(0n);
  expect(call('length_unsafe', at)).toBe(0n);
  const fresh = BigInt(call('alloc', 64n));
  for (let offset = 0n; offset < 64n; offset += 8n)
    expect(call('load_u64', fresh + offset)).toBe(0n);
});

test('configuration is looked up by its own names only', () => {
  const { call, put, text } = kernelOf({ config: { mode: 'fast' } });
  expect(text(call('config_get', put('mode')))).toBe('fast');
  for (const name of ['constructor', '__proto__', 'toString', 'missing'])
    expect(call('config_get', put(name))).toBe(0n);
});

test('variables are kept between runs until they are removed or the instance is another', () => {
  const { kernel, call, put, text } = kernelOf();
  call('var_set', put('seen'), put('twice'));
  kernel.begin(NOTHING);
  expect(text(call('var_get', put('seen')))).toBe('twice');
  call('var_set', put('seen'), 0n);
  expect(call('var_get', put('seen'))).toBe(0n);
  call('var_set', put('__proto__'), put('x'));
  expect(text(call('var_get', put('__proto__')))).toBe('x');
  kernel.forgetVariables();
  expect(call('var_get', put('__proto__'))).toBe(0n);
});

test('case 21: a flood of variables ends at their bound, by number and by bytes', () => {
  const { kernel, call, put } = kernelOf();
  expect(() => {
    for (let index = 0; ; index += 1) {
      if (index % 1_000 === 0) kernel.begin(NOTHING);
      call('var_set', put(`name ${index}`), put('x'));
    }
  }).toThrow('1000 variables');
  kernel.forgetVariables();
  kernel.begin(NOTHING);
  const large = BigInt(call('alloc', 300_000n));
  expect(() => {
    for (let index = 0; index < 10; index += 1) call('var_set', put(`name ${index}`), large);
  }).toThrow('the limit is 1048576');
  // Writing the same name again takes no more room.
  kernel.forgetVariables();
  for (let round = 0; round < 10; round += 1) call('var_set', put('same'), large);
});

test('an HTTP request goes out under the alias of its origin, and its answer is kept for the run', () => {
  const { channel, call, put, text } = kernelOf({
    origins: [{ alias: 'tickets', origin: 'https://tickets.example:8443' }],
  });
  channel.answer = () =>
    JSON.stringify({
      status: 201,
      headers: { etag: 'one' },
      body: Buffer.from('created').toString('base64'),
    });
  const request = put(
    JSON.stringify({
      url: 'https://TICKETS.example:8443/v1/tickets',
      method: 'POST',
      headers: { accept: 'text/plain', count: 3 },
    }),
  );
  const body = put('{"title":"help"}');
  expect(text(call('http_request', request, body))).toBe('created');
  expect(call('http_status_code')).toBe(201);
  expect(text(call('http_headers'))).toBe('{"etag":"one"}');

  expect(channel.sent[0]?.payload[0]).toBe(HOST_FUNCTIONS.http);
  expect(JSON.parse(channel.texts(FROM_RUNNER.hostCall, 1)[0] ?? '')).toStrictEqual({
    alias: 'tickets',
    url: 'https://TICKETS.example:8443/v1/tickets',
    method: 'POST',
    headers: { accept: 'text/plain' },
    body: Buffer.from('{"title":"help"}').toString('base64'),
  });
});

test('an address of another origin, or that is none, goes out without an alias: the broker refuses it', () => {
  const { channel, call, put } = kernelOf({
    origins: [{ alias: 'tickets', origin: 'https://tickets.example' }],
  });
  channel.answer = () => refusalFrame('host-not-granted', 'the host is not granted');
  for (const url of ['https://tickets.example:444/', 'http://tickets.example/', 'no address'])
    expect(() => call('http_request', put(JSON.stringify({ url })), 0n)).toThrow(
      'host-not-granted: the host is not granted',
    );
  for (const request of channel.texts(FROM_RUNNER.hostCall, 1))
    expect(JSON.parse(request)).not.toHaveProperty('alias');
  expect(() => call('http_request', put('no json'), 0n)).toThrow('no request with a url');
  expect(() => call('http_request', put('{"url":1}'), 0n)).toThrow('no request with a url');
});

test('a call of the host is JSON there and back', () => {
  const { channel, kernel, put, text } = kernelOf();
  channel.answer = (fn, request) => JSON.stringify({ fn, request });
  expect(text(kernel.call(put('{"a":1}')))).toBe('{"fn":2,"request":"{\\"a\\":1}"}');
  channel.answer = () => refusalFrame('rate', 'too fast');
  expect(() => kernel.call(put('{}'))).toThrow('rate: too fast');
});

test('a request beyond the limit never leaves the runner', () => {
  const { channel, kernel, call } = kernelOf();
  const large = BigInt(call('alloc', BigInt(HOST_CALL_BYTES_MAX) + 1n));
  expect(() => kernel.call(large)).toThrow('request-too-large');
  expect(channel.sent).toHaveLength(0);
});

test('log lines carry their level, and plugins that ask learn whether a log is kept', () => {
  const { channel, call, put } = kernelOf();
  for (const level of ['trace', 'debug', 'info', 'warn', 'error']) call(`log_${level}`, put(level));
  expect(channel.logs()).toStrictEqual(['trace', 'debug', 'info', 'warn', 'error']);
  expect(channel.sent.map(({ payload }) => payload[0])).toStrictEqual([0, 1, 2, 3, 4]);
  expect(call('get_log_level')).toBe(0);
  expect(kernelOf({ hostFunctions: [] }).call('get_log_level')).toBe(0x7fff_ffff);
});

test('case 50: a flood of log lines ends at 64 KiB, and one line says so', () => {
  const { channel, kernel, call, put } = kernelOf();
  const line = put('x'.repeat(1_000));
  for (let count = 0; count < 1_000; count += 1) call('log_info', line);
  const logs = channel.logs();
  expect(logs.at(-1)).toBe('log cut at 65536 bytes');
  expect(logs.slice(0, -1).join('')).toHaveLength(65_536);
  const sent = channel.sent.length;
  kernel.begin(NOTHING);
  expect(channel.sent).toHaveLength(sent);
});
