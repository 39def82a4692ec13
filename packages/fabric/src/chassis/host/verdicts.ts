/**
 * Verdicts on modules, by what they depend on. Only a runner that never ran a guest is asked, and only its word is kept:
 * one that did would write whatever the guest likes.
 */
import type { Verdict } from '../words.ts';

/** Verdicts that are kept; the oldest goes first. A swarm has a few modules; one costs a runner of its own to ask again. */
const VERDICTS_MAX = 1_000;

export class Verdicts {
  readonly #byKey = new Map<string, Verdict>();

  get(key: string): Verdict | undefined {
    return this.#byKey.get(key);
  }

  keep(key: string, verdict: Verdict): void {
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size >= VERDICTS_MAX && oldest !== undefined) this.#byKey.delete(oldest);
    this.#byKey.set(key, verdict);
  }
}
