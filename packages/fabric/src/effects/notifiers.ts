import { resolve } from 'node:path';

import { consoleNotifier } from '../adapters/notify-console/console.ts';
import { fileNotifier } from '../adapters/notify-file/file.ts';
import { webhookNotifier } from '../adapters/notify-webhook/webhook.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { NotifyConfig } from './notify-config.ts';

export interface NotifierParts {
  /** What relative paths are relative to. */
  readonly dataDir: string;
  readonly version: string;
  /** Takes the console's lines: standard error. */
  readonly write: (text: string) => unknown;
  /** Whether a person reads it. */
  readonly isTerminal: boolean;
  /** Wall time, ms since 1970. */
  readonly now?: () => number;
}

/** The notifiers of a configuration. Throws a Fault `config.invalid` where a webhook's URL can never be called. */
export const notifiersOf = (config: NotifyConfig, parts: NotifierParts): readonly Notifier[] =>
  config.map((each) => notifierOf(each, parts));

const notifierOf = (
  each: NotifyConfig[number],
  { dataDir, version, write, isTerminal, now = Date.now }: NotifierParts,
): Notifier => {
  switch (each.kind) {
    case 'console': {
      const format = each.format === 'auto' ? (isTerminal ? 'line' : 'json') : each.format;
      return consoleNotifier({ name: each.name, format, write });
    }
    case 'file':
      return fileNotifier({ ...each, path: resolve(dataDir, each.path) });
    case 'webhook': {
      const secretFile = resolve(dataDir, each.secretFile);
      return webhookNotifier({ ...each, secretFile, version, now });
    }
  }
};
