/** Cases 13 to 23: memory, tables, and what a guest makes its host keep. */
import type { Ground } from './ground.ts';
import { moduleCase } from './module-case.ts';
import type { ContainmentCase } from './words.ts';

const MIB = 1024 * 1024;
/** Above the guest's memory and what an empty runner holds, some 40 MiB; together the goal of limit + 64. */
const RESIDENT_SLACK_BYTES = 24 * MIB;

export const MEMORY: readonly ContainmentCase<Ground>[] = [
  moduleCase(13, 'memory grown to its limit', ['flags', 'kill'], {
    completedBy: 'flags',
    look: ({ limits }, { report }) => {
      const most = (limits.memoryMibMax ?? 64) * MIB + RESIDENT_SLACK_BYTES;
      const { peakMemoryBytes } = report.measure;
      return peakMemoryBytes > most
        ? `${Math.round(peakMemoryBytes / MIB)} MiB resident`
        : undefined;
    },
  }),
  moduleCase(14, '65,536 pages at once', ['admission']),
  moduleCase(15, '16,384 pages at once', ['admission', 'engine']),
  moduleCase(16, 'a table of 10 M', ['admission']),
  moduleCase(17, '100 tables of 10 M', ['admission', 'flags'], { completedBy: 'flags' }),
  moduleCase(18, 'a loop of table.grow', ['kill', 'flags'], { completedBy: 'flags' }),
  moduleCase(19, 'a loop of table.fill and table.copy', ['kill']),
  moduleCase(20, 'a flood of the arena', ['engine', 'kill'], { completedBy: 'engine' }),
  moduleCase(21, 'a flood of variables', ['engine', 'kill']),
  moduleCase(22, 'references of the host, kept', ['admission', 'tenancy'], {
    completedBy: 'tenancy',
  }),
  moduleCase(23, 'memory64, two memories, shared memory', ['admission']),
];
