/** `ifab doctor`: what a person would look at first when something is wrong. It repairs nothing. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { verifyFolder } from '@infrafabric/fabric';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { CliError } from '../output/problem.ts';
import { printable } from '../plans/report/printable.ts';
import { problemOfCause } from '../output/cause.ts';
import { configOf, folderChecks } from '../server/folder-checks.ts';
import { hostChecks } from '../server/host-checks.ts';
import { sandboxCheck } from '../server/sandbox-check.ts';
import { secretsCheck } from '../server/secrets-check.ts';
import { serverChecks } from '../server/server-checks.ts';
import type { Check } from '../server/check.ts';
import type { CommandRun } from '../tree/command.ts';

export const runDoctor: CommandRun = async (context) => {
  const { out, io } = context;
  const { config, check } = configOf(context);
  const checks: Check[] = [...hostChecks(io), check];
  if (config !== undefined) {
    checks.push(...folderChecks(config.dataDir));
    checks.push(await journalCheck(config.dataDir));
    checks.push(...(await serverChecks(context, config)));
    checks.push(await secretsCheck(config, io.interrupted));
    checks.push(await sandboxCheck(context));
  }
  const ok = checks.every(({ state }) => state !== 'failed');
  out.data({ ok, checks }, (terminal) => {
    const width = checks.reduce((most, { name }) => Math.max(most, name.length), 0);
    const lines = checks.map(({ name, state, found, mend }) => {
      const paint = ({ ok: 'green', warn: 'yellow', failed: 'red' } as const)[state];
      const head = `${terminal.paint(paint, state.padEnd(6))}  ${name.padEnd(width)}  ${printable(found)}\n`;
      return mend === undefined ? head : `${head}${' '.repeat(width + 10)}→ ${printable(mend)}\n`;
    });
    return lines.join('');
  });
  if (!ok) out.note('Something is wrong; each arrow says how to mend it.');
  return ok ? EXIT_DONE : EXIT_NO;
};

/** Bytes of the journal that are read: 6 µs of CPU an entry, so two seconds and a half; a person waits for no more. */
const JOURNAL_BYTES_MAX = 256 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

/** Frames, chain and tree over all entries. */
const journalCheck = async (dataDir: string): Promise<Check> => {
  const name = 'journal';
  const bytes = journalBytes(dataDir);
  if (bytes > JOURNAL_BYTES_MAX) {
    const found = `${Math.floor(bytes / MEBIBYTE)} MiB, more than is read here`;
    return { name, state: 'ok', found: `${found}; read it all: ifab witness verify` };
  }
  try {
    const { ok, log } = await verifyFolder(dataDir, { levels: [0], tiles: 'check' });
    if (ok) {
      return {
        name,
        state: 'ok',
        found: `${log.size} entries hold together${log.tornTailBytes > 0 ? `; ${log.tornTailBytes} bytes of a torn tail will be cut` : ''}`,
      };
    }
    const bad = log.firstBad;
    return {
      name,
      state: 'failed',
      found: `entry ${bad?.index ?? 0} in ${bad?.file ?? 'journal'}: ${bad?.reason ?? 'it does not hold'}`,
      mend: 'Keep the folder as it is and restore a backup: ifab witness verify says where it breaks.',
    };
  } catch (cause) {
    const { detail } = cause instanceof CliError ? cause.problem : await problemOfCause(cause);
    return {
      name,
      state: 'failed',
      found: detail,
      mend: 'Check the disk and your right to read it.',
    };
  }
};

const journalBytes = (dataDir: string): number => {
  const folder = join(dataDir, 'journal');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
};
