/** What node and V8 are told when a runner starts. The set is pinned: a test holds its text. */

/** WebAssembly pages of 64 KiB in a MiB. */
const PAGES_PER_MIB = 16;
/** JavaScript's heap in a runner of little memory, MiB: the runner's own needs a tenth of it. */
const HEAP_MIB_MIN = 64;
/**
 * The heap in terms of the guest's memory. V8 counts linear memory as if the heap held it, and near the heap's limit it
 * collects garbage at every `memory.grow`: 64 MiB grown page by page took 2 s of CPU under a heap of 64, and 13 ms under
 * one of 128. What really bounds the process is its address limit and the poll of its resident memory.
 */
const HEAP_PER_MEMORY = 2;

/**
 * V8's own ceilings, and what makes the kernel's usable. Two of them are easily got wrong: without
 * `--disable-wasm-trap-handler` each memory reserves about 10 GB of addresses, and an address limit means nothing;
 * `--v8-pool-size=0` leaves tier-up to the calling thread. Never add `--single-threaded` or `--no-wasm-dynamic-tiering`:
 * optimised code then never runs, because a runner never goes back to its event loop (CPU up to 5 times as much).
 */
export const v8Flags = (memoryMib: number): readonly string[] => [
  `--wasm-max-mem-pages=${memoryMib * PAGES_PER_MIB}`,
  '--wasm-max-table-size=100000',
  '--max-wasm-functions=50000',
  '--wasm-max-module-size=16777216',
  '--wasm-max-committed-code-mb=64',
  `--max-old-space-size=${Math.max(HEAP_MIB_MIN, memoryMib * HEAP_PER_MEMORY)}`,
  '--stack-size=512',
  '--disable-wasm-trap-handler',
  '--v8-pool-size=0',
  '--disallow-code-generation-from-strings',
  '--disable-proto=delete',
  '--no-addons',
];

/** A version of Node as `process.version` writes it. */
export interface NodeLine {
  readonly major: number;
  readonly minor: number;
}

export const nodeLineOf = (version: string): NodeLine | undefined => {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})\./.exec(version) ?? [];
  return major === undefined || minor === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor) };
};

/** Minor versions of Node 22 and 23 from which the permission model is no longer experimental. */
const PERMISSION_STABLE_MINOR: ReadonlyMap<number, number> = new Map([
  [22, 13],
  [23, 5],
]);

/** The permission model, reading nothing but the runner's own file. Node 24 knows no experimental name any more. */
export const permissionFlags = (line: NodeLine, runnerFile: string): readonly string[] => {
  const stableFrom = PERMISSION_STABLE_MINOR.get(line.major) ?? 0;
  const isStable = line.major >= 22 && line.minor >= stableFrom;
  return [isStable ? '--permission' : '--experimental-permission', `--allow-fs-read=${runnerFile}`];
};
