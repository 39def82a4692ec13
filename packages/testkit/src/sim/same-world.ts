/** Whether two worlds are the same state: by the hash of each of their sections. */
import type { Section } from '@infrafabric/core';
import { createHash } from 'node:crypto';

export interface SectionHashes {
  readonly digest: string;
  readonly parts: ReadonlyMap<string, string>;
}

export const hashSections = (sections: readonly Section[]): SectionHashes => {
  const parts = new Map<string, string>();
  const whole = createHash('sha256');
  for (const { name, content } of sections) {
    const digest = createHash('sha256').update(content).digest('base64');
    parts.set(name, digest);
    whole.update(`${name} ${digest}\n`);
  }
  return { digest: whole.digest('base64'), parts };
};

/** Names of the sections that differ; empty where the states are the same. */
export const differences = (one: SectionHashes, other: SectionHashes): readonly string[] =>
  one.digest === other.digest
    ? []
    : [...one.parts].filter(([name, digest]) => other.parts.get(name) !== digest).map(([n]) => n);
