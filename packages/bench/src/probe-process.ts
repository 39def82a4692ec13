/**
 * One probe in a process of its own. Arguments: name, size, folder. Its parent sends `round` and gets the figures, or
 * what went wrong; when the parent goes, so does it.
 */
import { isProbeName, PROBES } from './probes.ts';
import type { Size } from './probe.ts';

const [name = '', size = '', folder = ''] = process.argv.slice(2);
const isSize = (text: string): text is Size => ['smoke', 'short', 'full'].includes(text);
if (!isProbeName(name) || !isSize(size)) throw new Error(`no probe ${name} of size ${size}`);

const tell = (message: object): void => void process.send?.(message);
const failed = (cause: unknown): void =>
  tell({ failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });

process.once('disconnect', () => process.exit(0));
try {
  const open = await PROBES[name]();
  const probe = await open({ size, folder });
  process.on('message', (message) => {
    if (message === 'round') {
      const { user, system } = process.cpuUsage();
      probe.round().then((values) => {
        const used = process.cpuUsage({ user, system });
        tell({ values, cpuMs: (used.user + used.system) / 1_000 });
      }, failed);
    }
    if (message === 'close') probe.close().then(() => tell({ closed: true }), failed);
  });
  tell({ opened: true });
} catch (cause) {
  failed(cause);
}
