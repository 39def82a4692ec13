/** The shell executor: a task's command under `sh -c`, with an environment that holds nothing of the runner's user. */
import { mkdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { ShellRun } from '@infrafabric/protocol';
import { nothing } from './executor.ts';
import type { Execution, ExecutionContext, Executor } from './executor.ts';
import { runCommand } from './process-group.ts';
import { TranscriptWriter } from './transcript.ts';

export interface ShellSettings {
  /** Where commands are looked for. */
  readonly path: string;
  /** The language of messages and the encoding of text. */
  readonly lang: string;
}

/** For commands that name no limit, ms: longer than a test suite takes, shorter than a night. */
export const COMMAND_MS_DEFAULT = 1_800_000;

export function shellExecutor(settings: ShellSettings): Executor {
  return {
    takes: ({ run }) => run !== undefined && 'shell' in run,
    start: ({ taskId, attempt, task: { run } }, context) =>
      run === undefined || !('shell' in run)
        ? Promise.resolve(nothing({ kind: 'unstarted', detail: `${taskId} names no command` }))
        : runShell(run, {
            ...context,
            settings,
            facts: { IFAB_TASK_ID: taskId, IFAB_ATTEMPT: String(attempt) },
          }),
  };
}

export interface ShellContext extends ExecutionContext {
  readonly settings: ShellSettings;
  /** What the command may know of the fabric. Never a credential. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Runs one command of a plan: a task's or a gate's. Never rejects. */
export async function runShell(run: ShellRun, context: ShellContext): Promise<Execution> {
  const startedAt = performance.now();
  const folder = folderOf(run, context.workFolder);
  if (folder === undefined) {
    return nothing({
      kind: 'unstarted',
      detail: `cwd ${run.cwd ?? ''} lies outside of the task's folder`,
    });
  }
  const home = join(context.privateFolder, 'home');
  const temporary = join(context.privateFolder, 'tmp');
  await mkdir(home, { recursive: true });
  await mkdir(temporary, { recursive: true });
  const writer = new TranscriptWriter({ onLine: context.onLine });
  const ending = await runCommand({
    shell: run.shell,
    folder,
    env: {
      PATH: context.settings.path,
      LANG: context.settings.lang,
      HOME: home,
      TMPDIR: temporary,
      ...context.facts,
      ...run.env,
    },
    timeoutMs: run.timeoutMs ?? COMMAND_MS_DEFAULT,
    abort: context.abort,
    onOutput: (chunk) => writer.write(chunk),
  });
  return {
    ending,
    transcript: writer.finish(),
    durationMs: Math.round(performance.now() - startedAt),
  };
}

function folderOf({ cwd = '.' }: ShellRun, workFolder: string): string | undefined {
  const folder = resolve(workFolder, cwd);
  const inside = relative(workFolder, folder);
  return isAbsolute(cwd) || inside.split('/')[0] === '..' ? undefined : folder;
}
