/** Notices as lines on the standard error of the process: for people who watch it, and for collectors of its log. */
import { undelivered, type Notice, type Notifier } from '../../ports/notifier.ts';

export interface ConsoleOptions {
  readonly name: string;
  /** `json`: one object a line, for collectors. */
  readonly format: 'line' | 'json';
  /** Standard error. */
  readonly write: (text: string) => unknown;
}

/**
 * What a terminal would obey or not show: C0, DEL, C1, marks that turn the direction of text (CVE-2021-42574), invisible
 * and tag characters, separators of lines, and halves of surrogate pairs.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** Writes each notice as one line, whatever its texts hold. */
export const consoleNotifier = ({ name, format, write }: ConsoleOptions): Notifier => ({
  name,
  deliver: async (notice) => {
    try {
      write(`${format === 'json' ? jsonLine(notice) : readableLine(notice)}\n`);
    } catch (cause) {
      throw undelivered({ transient: true, detail: 'standard error takes nothing', cause });
    }
  },
});

const jsonLine = (notice: Notice): string => {
  const line = { event: 'escalation.notice', time: new Date(notice.at).toISOString(), ...notice };
  return JSON.stringify(line).replaceAll(UNSAFE, (char) => char.replaceAll(/[^]/g, escapedUnit));
};

const readableLine = (notice: Notice): string => {
  const { at, severity, kind, subject, summary, acknowledge, realm } = notice;
  const time = new Date(at).toISOString();
  const text = `${time} ${severity.toUpperCase()} ${kind} ${subject} in ${realm}: ${summary} (seen it: ${acknowledge})`;
  return text.replaceAll(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
};

const escapedUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
