/** What the log of a real fabric keeps of a run. */
import type { Needle } from './canary.ts';
import type { Ground, Played } from './ground.ts';

export const scanFabricOfRun = async (
  _ground: Ground,
  _played: Played,
  _needles: readonly Needle[],
): Promise<{ readonly hits: number; readonly bytes: number }> => ({ hits: 0, bytes: 0 });
