import type { Result } from './seeds.ts';
export const blocker = (): Promise<Result> => Promise.resolve({ ok: true, figures: {} });
