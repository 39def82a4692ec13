/**
 * What a JavaScript guest finds beside the language. This text is evaluated in the guest's context before the guest's
 * own, so it takes what it needs of the intrinsics first: a guest may change them, for itself only.
 *
 * `raw` are the host's functions, text to text. The value of the text is what the host keeps for after the run.
 */
export const PRELUDE = `(raw, seeded) => {
  'use strict';
  const { parse, stringify } = JSON;
  const apply = Reflect.apply;
  const slice = String.prototype.slice;
  const join = Array.prototype.join;
  const map = Array.prototype.map;
  const TextError = Error;

  const ask = (fn, request) => {
    const reply = parse(fn(request));
    if (reply.ok) return reply.value;
    const refusal = new TextError(reply.code + ': ' + reply.message);
    refusal.code = reply.code;
    throw refusal;
  };
  const textOf = (value) => {
    if (typeof value === 'string') return value;
    try {
      return stringify(value) ?? String(value);
    } catch {
      return String(value);
    }
  };
  const log = (level, ...values) => {
    const words = apply(join, apply(map, values, [(value) => textOf(value)]), [' ']);
    raw.log(apply(slice, level, [0, 8]), apply(slice, words, [0, 65536]));
  };

  const host = Object.freeze({
    __proto__: null,
    call: (request) => ask(raw.call, stringify(request ?? null)),
    http: (request) => ask(raw.http, stringify(request)),
    log,
  });
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, enumerable: false });
  define('host', host);
  define('console', Object.freeze({
    __proto__: null,
    trace: (...values) => log('trace', ...values),
    debug: (...values) => log('debug', ...values),
    log: (...values) => log('info', ...values),
    info: (...values) => log('info', ...values),
    warn: (...values) => log('warn', ...values),
    error: (...values) => log('error', ...values),
  }));

  if (seeded) {
    const Real = Date;
    const construct = Reflect.construct;
    function Frozen(...parts) {
      if (new.target === undefined) return new Real(0).toString();
      return construct(Real, parts.length === 0 ? [0] : parts, new.target);
    }
    Frozen.prototype = Real.prototype;
    Real.prototype.constructor = Frozen;
    Frozen.now = () => 0;
    Frozen.parse = Real.parse;
    Frozen.UTC = Real.UTC;
    Object.defineProperty(globalThis, 'Date', { value: Frozen, writable: true, configurable: true });
    Math.random = () => raw.random();
  }

  return {
    __proto__: null,
    invoke: (fn, input) => fn(parse(input)),
    result: (value) => stringify(value) ?? 'null',
    describe: (thrown, most) => {
      try {
        const words = thrown instanceof TextError
          ? thrown.name + ': ' + thrown.message + '\\n' + (thrown.stack ?? '')
          : 'thrown: ' + textOf(thrown);
        return apply(slice, words, [0, most]);
      } catch {
        return 'something was thrown that cannot be told';
      }
    },
  };
}`;
