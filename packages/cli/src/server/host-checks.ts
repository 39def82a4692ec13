/** What `ifab doctor` looks at before any folder or server: the program, the clock, what stands between. */
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';
import type { Check } from './check.ts';

/** The release of this program's first commit is later than this; a clock before it is not set. */
const CLOCK_EARLIEST = Date.UTC(2026, 0, 1);
/** Later than this nobody runs it: the clock is set to another century. */
const CLOCK_LATEST = Date.UTC(2100, 0, 1);
const TICKS = 1_000;
/** Proxies that HTTP clients obey; loopback must not go through them. */
const PROXIES = [
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'ALL_PROXY',
  'all_proxy',
];

export const hostChecks = (io: Io): readonly Check[] => [
  nodeCheck(process.versions.node),
  clockCheck(Date.now()),
  monotonicCheck(),
  proxyCheck(io),
];

export const nodeCheck = (version: string): Check => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const name = 'node';
  const found = `Node ${version}, ifab ${VERSION}`;
  if (major > 22 || (major === 22 && minor >= 13)) return { name, state: 'ok', found };
  return { name, state: 'failed', found, mend: 'Install Node 22.13 or newer.' };
};

export const clockCheck = (nowMs: number): Check => {
  const name = 'clock';
  const found = new Date(nowMs).toISOString();
  if (nowMs > CLOCK_EARLIEST && nowMs < CLOCK_LATEST) return { name, state: 'ok', found };
  return {
    name,
    state: 'failed',
    found,
    mend: 'Set the clock of this machine; leases count by it.',
  };
};

/** Leases are measured with the monotonic clock: it must go forward. */
const monotonicCheck = (): Check => {
  let before = performance.now();
  for (let tick = 0; tick < TICKS; tick += 1) {
    const now = performance.now();
    if (now < before) {
      return {
        name: 'monotonic clock',
        state: 'failed',
        found: 'it went backwards',
        mend: 'The kernel or the virtual machine is broken; try another clock source.',
      };
    }
    before = now;
  }
  return { name: 'monotonic clock', state: 'ok', found: `${TICKS} readings, none backwards` };
};

const proxyCheck = ({ env }: Io): Check => {
  const set = PROXIES.filter((name) => (env[name] ?? '') !== '');
  const noProxy = env['NO_PROXY'] ?? env['no_proxy'] ?? '';
  const exempt = new Set(noProxy.split(',').map((one) => one.trim()));
  const covers = ['*', '127.0.0.1', 'localhost'].some((one) => exempt.has(one));
  if (set.length === 0) return { name: 'proxies', state: 'ok', found: 'none' };
  const found = `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set`;
  if (covers) return { name: 'proxies', state: 'ok', found: `${found}; loopback is exempt` };
  return {
    name: 'proxies',
    state: 'warn',
    found: `${found}, and NO_PROXY does not name loopback`,
    mend: 'Programs that obey it may miss the fabric: export NO_PROXY=127.0.0.1,localhost',
  };
};
