/** What the suite takes from its environment. */
import { randomBytes } from 'node:crypto';

/** Set by who starts the suite, so that it stands in /proc/PID/environ too, where a later change would not. */
export const CANARY_NAME = 'IFAB_CONTAINMENT_CANARY';

/** Bytes that the parent's environment holds and that no runner may ever say. */
export const environmentCanary = (): string =>
  (process.env[CANARY_NAME] ??= randomBytes(16).toString('hex'));
