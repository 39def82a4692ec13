/** Calls of git on repositories of others: no prompts, no hooks, no transports but the usual ones. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A clone of a large repository over a slow line; everything else takes seconds. */
const GIT_MS_MAX = 600_000;
/** Bytes of one answer: a patch of a whole work tree. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

export class GitFault extends Error {
  override readonly name = 'GitFault';
}

export type Git = (folder: string, ...args: readonly string[]) => Promise<string>;

/** Its answer without the line end. Throws GitFault with what git said. */
export function createGit(path: string): Git {
  return async (folder, ...args) => {
    try {
      const { stdout } = await run('git', [...SETTINGS, ...args], {
        cwd: folder,
        timeout: GIT_MS_MAX,
        maxBuffer: ANSWER_BYTES_MAX,
        env: {
          PATH: path,
          LANG: 'C',
          // A repository that asks for a password is a failure, not a question to nobody.
          GIT_TERMINAL_PROMPT: '0',
          // `ext::` runs commands that an address names.
          GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
          GIT_CONFIG_NOSYSTEM: '1',
        },
      });
      return stdout.replace(/\n$/, '');
    } catch (cause) {
      const said = isFailure(cause) ? cause.stderr.trim() : String(cause);
      throw new GitFault(`git ${args[0] ?? ''} in ${folder}: ${said}`, { cause });
    }
  };
}

/** A repository's own hooks are for its people; here they would run before any gate. */
const SETTINGS = ['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false'] as const;

const isFailure = (cause: unknown): cause is { readonly stderr: string } =>
  typeof cause === 'object' &&
  cause !== null &&
  'stderr' in cause &&
  typeof cause.stderr === 'string';
