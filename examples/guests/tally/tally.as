// Adds up what models cost, from lines `model,microUsd`: AssemblyScript with Extism's PDK. A line that is none fails the
// run, with its number.
import { Host, LogLevel, Memory } from '@extism/as-pdk';
import { error_set } from '@extism/as-pdk/lib/env';

class Sum {
  constructor(
    public model: string,
    public microUsd: i64,
    public calls: i32,
  ) {}
}

function fail(message: string): i32 {
  error_set(Memory.allocateString(message).offset);
  return 1;
}

/** Digits only; -1 for anything else, and for what no i64 holds. */
function amountOf(text: string): i64 {
  if (text.length == 0 || text.length > 18) return -1;
  let value: i64 = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function quoted(text: string): string {
  let out = '"';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code == 34 || code == 92) out += '\\' + text.charAt(at);
    else if (code < 32) out += '\\u' + code.toString(16).padStart(4, '0');
    else out += text.charAt(at);
  }
  return out + '"';
}

export function tally(): i32 {
  const lines = Host.inputString().split('\n');
  const sums = new Map<string, Sum>();
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index].trim();
    if (line.length == 0) continue;
    const comma = line.lastIndexOf(',');
    const microUsd = comma < 1 ? -1 : amountOf(line.substring(comma + 1).trim());
    if (microUsd < 0) return fail('line ' + (index + 1).toString() + ' is no model and amount');
    const model = line.substring(0, comma).trim();
    const sum = sums.has(model) ? sums.get(model) : new Sum(model, 0, 0);
    sum.microUsd += microUsd;
    sum.calls += 1;
    sums.set(model, sum);
  }

  const all = sums.values();
  all.sort((a, b) => (a.microUsd == b.microUsd ? (a.model < b.model ? -1 : 1) : a.microUsd > b.microUsd ? -1 : 1));
  Host.log(LogLevel.Info, all.length.toString() + ' models in ' + lines.length.toString() + ' lines');

  let out = '{"models":[';
  for (let index = 0; index < all.length; index++) {
    const sum = all[index];
    if (index > 0) out += ',';
    out += '{"model":' + quoted(sum.model) + ',"microUsd":' + sum.microUsd.toString();
    out += ',"calls":' + sum.calls.toString() + '}';
  }
  // Not `outputString`: it takes the text's length for its bytes, which cuts off text that is not ASCII.
  Host.output(Uint8Array.wrap(String.UTF8.encode(out + ']}')));
  return 0;
}

// What `assert` and `throw` end in. Without this the module imports `env.abort`, which the runner offers too.
function stop(message: string | null, file: string | null, line: u32, column: u32): void {
  const words = message == null ? 'stopped' : message;
  fail(words + ' at line ' + line.toString());
  unreachable();
}
