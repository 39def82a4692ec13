/** Whom to tell of escalations, as the configuration says it. */
import { z } from 'zod';

/** Names a notifier across restarts, and the file of its cursor. */
const Name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);
const Path = z.string().min(1).max(4_096);

/** Each reads the feed for itself. */
const NOTIFIERS_MAX = 16;
/** Less than this and a page of text does not fit; bytes. */
const FILE_BYTES_MIN = 65_536;
const FILE_BYTES_DEFAULT = 16 * 1024 * 1024;
const FILE_BYTES_MAX = 1024 * 1024 * 1024;
const FILES_KEPT_MAX = 100;
const ALLOW_HOSTS_MAX = 100;
/** Longer than a receiver needs, shorter than one attempt may take; ms. */
const TIMEOUT_MS_DEFAULT = 10_000;
const TIMEOUT_MS_MAX = 30_000;

const ConsoleNotify = z.strictObject({
  kind: z.literal('console'),
  name: Name.default('console'),
  /** `auto`: a line where a person reads, JSON where a collector does. */
  format: z.enum(['auto', 'line', 'json']).default('auto'),
});

const FileNotify = z.strictObject({
  kind: z.literal('file'),
  name: Name.default('file'),
  /** Relative to the data folder. Its folder must exist. */
  path: Path,
  bytesMax: z.int().min(FILE_BYTES_MIN).max(FILE_BYTES_MAX).default(FILE_BYTES_DEFAULT),
  /** Older files beside it. */
  keep: z.int().min(0).max(FILES_KEPT_MAX).default(4),
});

const WebhookNotify = z.strictObject({
  kind: z.literal('webhook'),
  name: Name.default('webhook'),
  url: z.url({ protocol: /^https?$/ }).max(2_000),
  /** Relative to the data folder. Holds `whsec_<base64>`. */
  secretFile: Path,
  /** `host:port` of receivers that may be inside. */
  allowHosts: z
    .array(z.string().regex(/^\S{1,255}:\d{1,5}$/))
    .max(ALLOW_HOSTS_MAX)
    .default([]),
  timeoutMs: z.int().min(100).max(TIMEOUT_MS_MAX).default(TIMEOUT_MS_DEFAULT),
});

export const NotifyConfig = z
  .array(z.discriminatedUnion('kind', [ConsoleNotify, FileNotify, WebhookNotify]))
  .max(NOTIFIERS_MAX)
  .refine((each) => new Set(each.map(({ name }) => name)).size === each.length, {
    error: 'two notifiers have one name: give each its own',
  });
export type NotifyConfig = z.infer<typeof NotifyConfig>;

/** What an operator finds without having configured anything: alerts where the fabric's own log goes. */
export const NOTIFY_DEFAULT: NotifyConfig = [{ kind: 'console', name: 'console', format: 'auto' }];

/** For logs and `config explain`: of a webhook's URL only where it goes, because path and query may be a credential. */
export const maskedNotify = (config: NotifyConfig): NotifyConfig =>
  config.map((each) => (each.kind === 'webhook' ? { ...each, url: placeOf(each.url) } : each));

const placeOf = (url: string): string => `${new URL(url).origin}/…`;
