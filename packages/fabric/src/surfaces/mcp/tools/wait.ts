import { PROGRESS_MS } from '../limits.ts';
import type { Call } from '../tool.ts';

/** Runs a wait of at most `waitMs` and tells the client each PROGRESS_MS that it lives. */
export async function whileTelling<T>(
  call: Pick<Call, 'progress'>,
  waitMs: number,
  wait: () => Promise<T>,
): Promise<T> {
  const of = Math.ceil(waitMs / 1_000);
  let told = 0;
  const timer = setInterval(() => {
    told += 1;
    call.progress({ seconds: Math.min((told * PROGRESS_MS) / 1_000, of), of });
  }, PROGRESS_MS);
  try {
    return await wait();
  } finally {
    clearInterval(timer);
  }
}
