/** A store of secrets that cases fill: the port's contract, in memory, with versions that a case can turn. */
import { Fault, type Secret, type SecretRef, type SecretStore } from '@infrafabric/fabric';

export class CaseSecrets implements SecretStore {
  readonly name = 'containment';
  readonly #values = new Map<string, { text: string; version: number }>();
  /** How often each was asked for. */
  readonly asked = new Map<string, number>();

  /** Sets it, or rotates it: what was given out under the version before has to die. */
  set(ref: string, text: string): void {
    this.#values.set(ref, { text, version: (this.#values.get(ref)?.version ?? 0) + 1 });
  }

  remove(ref: string): void {
    this.#values.delete(ref);
  }

  resolve({ path, field }: SecretRef): Promise<Secret> {
    const ref = `vault://${path}#${field}`;
    this.asked.set(ref, (this.asked.get(ref) ?? 0) + 1);
    const value = this.#values.get(ref);
    if (value === undefined)
      return Promise.reject(
        new Fault('secret.not_found', { transient: false, detail: `there is no ${ref}` }),
      );
    return Promise.resolve({ bytes: Buffer.from(value.text), version: String(value.version) });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
