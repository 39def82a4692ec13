/** Commands of secrets: credentials that guests use through the broker and never see. */
import type { CommandSpec } from './command.ts';
import { argument, option } from './specs.ts';

const REF = argument('REF', 'where it is: vault://path#field');
const EXAMPLE = "'vault://if/prod/sip-kamailio-key#token'";

export const SECRET_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['secret', 'set'],
    summary:
      'Keep a secret in the encrypted file of the data folder. Its value comes from standard input, or is asked for without being shown; never from an argument.',
    args: [REF],
    options: [option('--exact', undefined, 'keep a line break at the end of standard input')],
    example: `secret set ${EXAMPLE} < token.txt`,
    mutates: true,
    load: async () => (await import('../commands/secret-set.ts')).setSecret,
  },
  {
    path: ['secret', 'list'],
    summary: 'References and versions of the secrets in the encrypted file; never their values.',
    args: [],
    options: [],
    example: 'secret list',
    load: async () => (await import('../commands/secret-keep.ts')).listSecrets,
  },
  {
    path: ['secret', 'check'],
    summary:
      'Resolve a secret in the configured store, as a run would, and say its size and version; never its value.',
    args: [REF],
    options: [],
    example: `secret check ${EXAMPLE}`,
    load: async () => (await import('../commands/secret-check.ts')).checkSecret,
  },
  {
    path: ['secret', 'remove'],
    summary: 'Take a secret out of the encrypted file.',
    args: [REF],
    options: [],
    example: `secret remove ${EXAMPLE} --yes`,
    destructive: true,
    mutates: true,
    load: async () => (await import('../commands/secret-keep.ts')).removeSecret,
  },
  {
    path: ['secret', 'rotate-key'],
    summary:
      'Encrypt the file anew for a new key. Versions stay; older copies of the file cannot be opened any more.',
    args: [],
    options: [],
    example: 'secret rotate-key --yes',
    destructive: true,
    mutates: true,
    load: async () => (await import('../commands/secret-keep.ts')).rotateSecretsKey,
  },
];
