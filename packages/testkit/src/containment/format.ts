/** Cases 24 to 40: bytes that cost more than they weigh, or that are no module. */
import type { Ground } from './ground.ts';
import { moduleLoad } from './ground.ts';
import { echoGuest } from './guests.ts';
import { moduleCase } from './module-case.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

const changedAfterAdmission = async (ground: Ground): Promise<Ending> => {
  const { bytes } = await echoGuest();
  const named = moduleLoad({ bytes, abi: 'extism' });
  const other = bytes.slice();
  // The last byte of the module's code is an `end`: whatever it becomes, it is another module.
  other[other.length - 1] = 0x00;
  const runner = await ground.runner();
  const before = await runner.load({ ...named, bytes: other });
  if (before.ok) return escaped('other bytes than the digest’s were loaded');
  // Changed while admission has them: what is loaded is read again.
  const held = bytes.slice();
  const loading = runner.load({ ...named, bytes: held });
  held.set(other);
  const loaded = await loading;
  if (loaded.ok) {
    const { report } = await ground.play(runner, { input: 'as admitted' });
    const output = Buffer.from(report.output).toString();
    // Bytes of its own, taken before anybody could change them, are as good as a refusal.
    return output === 'as admitted'
      ? contained('admission', 'the host loads its own copy')
      : escaped(`changed bytes ran: ${report.cause} ${output}`);
  }
  return contained(
    'admission',
    `refused: ${before.reason.slice(0, 40)}; ${loaded.reason.slice(0, 60)}`,
  );
};

const INSIDE = { completedBy: 'admission' } as const;

export const FORMAT: readonly ContainmentCase<Ground>[] = [
  moduleCase(24, '1 M functions', ['admission'], INSIDE),
  moduleCase(25, 'a function of 7 MB', ['admission']),
  moduleCase(26, 'loops that merge locals', ['admission'], INSIDE),
  moduleCase(27, 'a br_table of 7 MB', ['admission', 'kill', 'process'], INSIDE),
  moduleCase(28, '1 M nested blocks', ['admission'], INSIDE),
  moduleCase(29, '50 k locals in 20 k functions', ['admission', 'kill', 'process'], INSIDE),
  moduleCase(30, '1 M types', ['admission']),
  moduleCase(31, '100 k imports', ['admission']),
  moduleCase(32, '500 k exports', ['admission']),
  moduleCase(33, '1 M globals', ['admission']),
  moduleCase(34, '100 k data segments', ['admission', 'pipe']),
  moduleCase(35, 'a custom section of 100 MB', ['admission', 'pipe']),
  moduleCase(36, 'numbers cut or overlong', ['admission']),
  moduleCase(37, 'sections twice or out of order', ['admission']),
  moduleCase(38, 'instructions of proposals', ['admission']),
  {
    number: 39,
    name: 'bytes changed after admission',
    by: ['admission'],
    run: changedAfterAdmission,
  },
  moduleCase(40, 'names that are no UTF-8, or a prototype’s', ['admission', 'linker'], {
    completedBy: 'linker',
  }),
];
