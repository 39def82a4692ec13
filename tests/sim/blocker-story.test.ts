import { expect, test } from 'vitest';

import { BLIND_ORDERS, blockerStory } from '../../packages/testkit/src/sim/blocker-story.ts';

test('seed 002: with help the blocker is lifted in 6 hours instead of 8, and nothing is spent in vain', async () => {
  const [alone, help] = [await blockerStory('alone'), await blockerStory('help')];
  expect(alone.unblockHours).toBe(8);
  expect(help.unblockHours).toBe(6);
  // All three sides are leased in the entry that raises it: the bystander, who can do none, gets nothing.
  expect(help.entriesToHelp).toBe(0);
  expect(help.helpers.map(({ agent, hours }) => [agent, hours])).toEqual([
    ['session-1-ndi', 4],
    ['session-2-webrtc', 5],
    ['session-3-h323', 6],
  ]);
  // 15 hours of helpers and 6 of the holder, at two dollars.
  expect(help.spentMicroUsd).toBe(42_000_000);
  expect(help.wastePermille).toBeLessThan(100);
  expect([alone.reservedMicroUsd, help.reservedMicroUsd]).toEqual([0, 0]);
});

test('seed 002: blind help wastes money in five of six orders, and is no faster there than none', async () => {
  const stories = await Promise.all(BLIND_ORDERS.map((order) => blockerStory('blind', order)));
  const [hit, ...missed] = stories;
  expect(hit?.wastePermille).toBe(0);
  for (const { unblockHours, wastePermille, helpers, wastedMicroUsd } of missed) {
    expect(unblockHours).toBe(8);
    expect(wastePermille).toBeGreaterThan(300);
    const inVain = helpers.filter(({ qualified }) => !qualified);
    expect(wastedMicroUsd).toBe(inVain.reduce((sum, one) => sum + one.spentMicroUsd, 0));
  }
});
