import { expect, test } from 'vitest';

import { TAMPER_KINDS, tamperRun } from './tamper.ts';

test('every one of 14 kinds of tampering is found, and none keeps the verifier busy', async () => {
  const report = await tamperRun({ n: 210, seed: 7, budgetS: 50 });
  expect(report.undetected).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.found).toBe(report.run);
  // On a machine so slow that the budget ends the run, the kinds still come in turn.
  expect(report.run).toBeGreaterThan(TAMPER_KINDS.length);
  for (const kind of TAMPER_KINDS) expect(report.byKind[kind] ?? 0, kind).toBeGreaterThan(0);
});
