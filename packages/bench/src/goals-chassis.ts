/** What was promised of the sandbox, on a quiet Linux machine with two cores. */
import type { Goal } from './goals.ts';

const self = (value = Number.NaN): number => value;

export const CHASSIS_GOALS: readonly Goal[] = [
  {
    id: 'S1',
    text: 'from nothing to a runner with all layers, p50 ms',
    needs: ['chassis.cold.p50Ms'],
    value: self,
    bound: { atMost: 80 },
  },
  {
    id: 'S1',
    text: 'the same, p95 ms',
    needs: ['chassis.cold.p95Ms'],
    value: self,
    bound: { atMost: 150 },
  },
  {
    id: 'S1',
    text: 'processor time of the same, ms',
    needs: ['chassis.cold.cpuMs'],
    value: self,
    bound: { atMost: 35 },
  },
  {
    id: 'S2',
    text: 'from the pool to the first result of a tiny module, p50 ms',
    needs: ['chassis.first.tiny.p50Ms'],
    value: self,
    bound: { atMost: 5 },
  },
  {
    id: 'S2',
    text: 'of a module of 2 MB, p50 ms',
    needs: ['chassis.first.large.p50Ms'],
    value: self,
    bound: { atMost: 15 },
  },
  {
    id: 'S3',
    text: 'a warm call of an instance that is kept, p50 µs',
    needs: ['chassis.call.p50Us'],
    value: self,
    bound: { atMost: 25 },
  },
  {
    id: 'S3',
    text: 'the same, p99 µs',
    needs: ['chassis.call.p99Us'],
    value: self,
    bound: { atMost: 150 },
  },
  {
    id: 'S3',
    text: 'warm calls of one runner, a second',
    needs: ['chassis.call.perS'],
    value: self,
    bound: { atLeast: 50_000 },
  },
  {
    id: 'S4',
    text: 'a null call of the host by a guest, p50 µs',
    needs: ['chassis.hostCall.p50Us'],
    value: self,
    bound: { atMost: 25 },
  },
  {
    id: 'S5',
    text: 'processor time of a call ÷ that of a bare WebAssembly call, geometric mean of four programs',
    needs: ['chassis.cpu.geomean'],
    value: self,
    bound: { atMost: 1.05 },
  },
  {
    id: 'S5',
    text: 'the same ÷ that of a process with a runner’s flags and no jail',
    needs: ['chassis.cpu.jail.geomean'],
    value: self,
    bound: { atMost: 1.05 },
  },
  {
    id: 'S6',
    text: 'from the end of a lease to the end of the process, p99 ms',
    needs: ['chassis.kill.p99Ms'],
    value: self,
    bound: { atMost: 50 },
  },
  {
    id: 'S6',
    text: 'processor time beyond its limit, p99 ms',
    needs: ['chassis.kill.overshoot.p99Ms'],
    value: self,
    bound: { atMost: 100 },
  },
  {
    id: 'S7',
    text: 'memory of an idle runner, shared pages by their share, MB',
    needs: ['chassis.idle.pssMb'],
    value: self,
    bound: { atMost: 16 },
  },
  {
    id: 'S7',
    text: 'resident memory beyond a guest’s limit, all of it touched, MB',
    needs: ['chassis.full.beyondLimitMb'],
    value: self,
    bound: { atMost: 64 },
  },
  {
    id: 'S8',
    text: 'points between the share of a core that was given and 25 %',
    needs: ['chassis.share.offPoints'],
    value: self,
    bound: { atMost: 2 },
  },
];
