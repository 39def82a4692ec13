/** The fabric's log for people and collectors: JSON lines on stderr. */
import type { Log } from '@infrafabric/fabric';
import type { Sink } from '../io.ts';
import { printableJson } from '../plans/report/printable.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** Lines below `least` are dropped. An Error in a field becomes its name, message and code. */
export const jsonLog = (sink: Pick<Sink, 'write'>, least: LogLevel): Log => {
  const from = LEVELS.indexOf(least);
  const at =
    (level: LogLevel) =>
    (fields: Fields): void => {
      if (LEVELS.indexOf(level) < from) return;
      const line = { time: new Date().toISOString(), level, ...fields };
      sink.write(`${printableJson(JSON.stringify(line, plain))}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

const plain = (_name: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message } = value;
  const code = 'code' in value ? String(value.code) : undefined;
  return code === undefined ? { name, message } : { name, message, code };
};
