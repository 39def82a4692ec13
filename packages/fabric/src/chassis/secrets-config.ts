/** Where secrets are kept, as the configuration says it. None is in it: values and tokens are in files of their own. */
import { z } from 'zod';

/** Absolute, or relative to the data folder. */
const Path = z.string().min(1).max(4_096);

/** `secret`, `team/kv`: what stands between `/v1/` and `/data/`. */
const Mount = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/, {
    error: 'is not a mount such as secret or team/kv',
  });

/** A Vault answers in milliseconds; one behind a slow link within this, ms. A run waits for it meanwhile. */
const TIMEOUT_MS_DEFAULT = 5_000;
const TIMEOUT_MS_MAX = 60_000;

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** An origin. A token must not cross a network in the clear, so plain http is for this machine. */
const VaultUrl = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .refine(
    (text) => {
      const { protocol, hostname } = new URL(text);
      return protocol === 'https:' || LOOPBACK.has(hostname);
    },
    { error: 'is plain http, which is for loopback only: take https' },
  )
  .refine((text) => new URL(text).href === `${new URL(text).origin}/`, {
    error: 'is more than an origin: no user, path or query',
  });

const TokenAuth = z.strictObject({
  kind: z.literal('token'),
  /** One line; read anew for each secret. */
  tokenFile: Path,
});

const AppRoleAuth = z.strictObject({
  kind: z.literal('approle'),
  mount: Mount.default('approle'),
  roleId: z
    .string()
    .max(200)
    .regex(/^[\x21-\x7e]+$/),
  /** One line; read anew for each login. */
  secretIdFile: Path,
});

const FileSecrets = z.strictObject({
  kind: z.literal('file'),
  /** Ciphertext, in the age format. */
  file: Path.default('secrets.age'),
  /** The identity that opens it. */
  keyFile: Path.default('keys/secrets.key'),
});
const EnvSecrets = z.strictObject({ kind: z.literal('env') });
const SystemdSecrets = z.strictObject({
  kind: z.literal('systemd'),
  /** Default: $CREDENTIALS_DIRECTORY, which systemd sets. */
  folder: Path.optional(),
});
const VaultSecrets = z.strictObject({
  kind: z.literal('vault'),
  url: VaultUrl,
  mount: Mount.default('secret'),
  namespace: Mount.optional(),
  auth: z.discriminatedUnion('kind', [TokenAuth, AppRoleAuth]),
  /** Certificates that are trusted instead of the system's, PEM. */
  caFile: Path.optional(),
  timeoutMs: z.int().min(100).max(TIMEOUT_MS_MAX).default(TIMEOUT_MS_DEFAULT),
});

export const SecretsConfig = z.discriminatedUnion('kind', [
  FileSecrets,
  EnvSecrets,
  SystemdSecrets,
  VaultSecrets,
]);
export type SecretsConfig = z.infer<typeof SecretsConfig>;

/** Nothing to set up: the first secret that is set makes the files. */
export const SECRETS_DEFAULT: SecretsConfig = {
  kind: 'file',
  file: 'secrets.age',
  keyFile: 'keys/secrets.key',
};
