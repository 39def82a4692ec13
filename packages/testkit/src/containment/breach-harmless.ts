/**
 * What is let through somewhere and does no harm, with the reason. Only what stands here is forgiven, and only under the
 * set of layers that it stands for; everything else that comes through is an escape.
 */
import type { LeftOut } from './words.ts';

interface Forgiven {
  /** Of the attempt's whole name. */
  readonly attempt: RegExp;
  readonly without: readonly LeftOut[];
  readonly because: string;
}

const ALWAYS: readonly LeftOut[] = ['none', 'permission', 'seccomp', 'rlimits', 'flags'];

const FORGIVEN: readonly Forgiven[] = [
  {
    attempt: /^signal: of what is said to be the parent$/,
    without: ALWAYS,
    because: 'process 1 of its own jail, which takes no signal that it does not ask for',
  },
  {
    attempt: /^signal: of what is said to be the parent$/,
    without: ['level 2'],
    because: 'the timeout that it hangs on itself: it can end its own run',
  },
  {
    attempt: /^network: a look-up of a name$/,
    without: ['rlimits'],
    because: 'threads of node’s own pool in the same jail; the look-up itself fails',
  },
  {
    attempt: /^raw: (?:execve|execveat)$/,
    without: ['rlimits'],
    because: 'node once more, without its permissions, in the same jail under the same filter',
  },
  {
    attempt: /^raw: higher limits$/,
    without: ['rlimits'],
    because: 'there is no limit to raise',
  },
  {
    attempt: /^raw: (?:ptrace of process 1|i386 ptrace)$/,
    without: ['seccomp'],
    because: 'process 1 of the same jail, under the same limits',
  },
  {
    attempt: /^raw: (?:keyctl|add_key)$/,
    without: ['seccomp', 'level 2'],
    because: 'a keyring that runners of one host share: a channel between them, no way out',
  },
  {
    attempt: /^raw: (?:shmget|semget|msgget)$/,
    without: ['seccomp'],
    because: 'objects of its own namespace, gone with it',
  },
  {
    attempt: /^raw: (?:shmget|semget|msgget)$/,
    without: ['level 2'],
    because: 'objects that other users cannot open; they outlive it',
  },
  {
    attempt: /^raw: modify_ldt$/,
    without: ['seccomp', 'level 2'],
    because: 'a descriptor of its own table: a surface of the kernel, no way out',
  },
  {
    attempt: /^raw: (?:unshare of .*|mount|umount|chroot)$/,
    without: ['level 2'],
    because: 'in a user namespace that it made itself, where nothing can be opened',
  },
  {
    attempt: /^raw: readlink$/,
    without: ['namespaces', 'level 2'],
    because: 'a name, not a file',
  },
  {
    attempt: /^raw: (?:mkdir|symlink|files left a file .*)$/,
    without: ['level 2'],
    because: 'a user of its own may do what any user may, where everybody may write',
  },
];

/** Why it does no harm there, or undefined. */
export const harmlessHere = (attempt: string, without: LeftOut): string | undefined =>
  FORGIVEN.find((one) => one.attempt.test(attempt) && one.without.includes(without))?.because;
