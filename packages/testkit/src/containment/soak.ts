/** Rounds of the same kind, after everything else: what the parent has afterwards it must have had before. */
import type { Ground } from './ground.ts';
import { relayGuest, spinGuest, trapGuest } from './guests.ts';
import { answerText, grantOf, openUpstream, secretOf, SECRET_REF } from './upstream.ts';

/** The first rounds fill what is kept for all later ones. */
const WARM_ROUNDS = 4;
const ROUNDS = 16;
const CPU_MS = 60;

/** @param rss resident bytes of this process, garbage collected */
export const soak = async (
  ground: Ground,
  rss: () => number,
): Promise<{ readonly soakRounds: number; readonly soakBytes: number }> => {
  ground.secrets.set(SECRET_REF, 'tok_soak_5b1d7c3e9f2a4860');
  const upstream = await openUpstream(ground, answerText('ok'));
  const input = JSON.stringify({ url: `${upstream.origin}/v1/`, method: 'GET' });
  const http = [grantOf(upstream.origin)];
  const secrets = [secretOf()];
  const round = async (): Promise<void> => {
    const [killed, trapped, relaying] = [
      await ground.runner(),
      await ground.runner(),
      await ground.runner(),
    ];
    await ground.load(killed, await spinGuest());
    await ground.load(trapped, await trapGuest());
    await ground.load(relaying, await relayGuest());
    await ground.play(killed, { limits: { cpuMsMax: CPU_MS } });
    for (let trap = 0; trap < 20; trap += 1) await ground.play(trapped);
    await ground.play(relaying, {
      input,
      http,
      secrets,
      onCall: () => Promise.resolve(new Uint8Array()),
    });
    await Promise.all([killed.destroy(), trapped.destroy(), relaying.destroy()]);
  };
  for (let warm = 0; warm < WARM_ROUNDS; warm += 1) await round();
  const before = rss();
  for (let at = 0; at < ROUNDS; at += 1) await round();
  const soakBytes = rss() - before;
  await ground.endCase();
  return { soakRounds: ROUNDS, soakBytes };
};
