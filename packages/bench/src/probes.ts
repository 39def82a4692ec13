/** Every probe by name. Each is loaded by its own process only: none pays for another's imports. */
import type { OpenProbe } from './probe.ts';

export const PROBES = {
  floors: () => import('./floors.ts').then((found) => found.floors),
  file: () => import('./claims.ts').then((found) => found.fileClaims),
  memory: () => import('./claims.ts').then((found) => found.memoryClaims),
  os: () => import('./claims.ts').then((found) => found.osClaims),
  bare: () => import('./claims.ts').then((found) => found.bareClaims),
  bullmq: () => import('./bullmq.ts').then((found) => found.bullmqAlways),
  everysec: () => import('./bullmq.ts').then((found) => found.bullmqEverysec),
  redis: () => import('./redis-lua.ts').then((found) => found.redisAlways),
  port: () => import('./port.ts').then((found) => found.port),
  policy: () => import('./policy.ts').then((found) => found.policyDecision),
  micro: () => import('./micro.ts').then((found) => found.micro),
  remote: () => import('./remote.ts').then((found) => found.remote),
} as const satisfies Readonly<Record<string, () => Promise<OpenProbe>>>;

export type ProbeName = keyof typeof PROBES;

export const isProbeName = (name: string): name is ProbeName => Object.hasOwn(PROBES, name);
