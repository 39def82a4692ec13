import { MODULE_ATTACKS, type ModuleAttack } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import type { Verdict } from '../words.ts';
import { admitModule } from './admit.ts';

/** Pages of 64 KiB in a MiB. */
const PAGES_OF_MIB = 16;

const judge = async ({ bytes, limits, ...attack }: ModuleAttack): Promise<Verdict> =>
  admitModule(await bytes(), {
    ...attack,
    sha256: '',
    entrypoints: [attack.entrypoint],
    memoryPagesMax: (limits.memoryMibMax ?? 256) * PAGES_OF_MIB,
  });

/** Refused, but by the engine's validator or by linking. */
const LATER = new Set([41]);

test.each(MODULE_ATTACKS.filter(({ expects }) => expects === 'refused'))(
  'case $case: $name is refused',
  async (attack) => {
    const verdict = await judge(attack);
    if (LATER.has(attack.case)) {
      expect(verdict.ok).toBe(true);
      expect(WebAssembly.validate(Buffer.from(await attack.bytes()))).toBe(false);
      return;
    }
    expect(verdict.ok).toBe(false);
    if (attack.code !== undefined) expect(verdict).toMatchObject({ code: attack.code });
  },
);

test.each(MODULE_ATTACKS.filter(({ expects }) => expects !== 'refused'))(
  'case $case: $name is admitted, and for others to contain',
  async (attack) => {
    expect(await judge(attack)).toMatchObject({ ok: true });
  },
);
