/**
 * What code in a runner's address space may ask the kernel for, call by call. Numbers: Linux
 * arch/x86/entry/syscalls/syscall_{64,32}.tbl; flags: the uapi headers that the lines name.
 */
import { constants } from 'node:os';
import { seccompFilter } from '@infrafabric/fabric/chassis';
import { SCRATCH, type RawArgument, type RawCall } from './elf.ts';
import type { Outside } from './outside.ts';

export interface RawAttempt {
  readonly case: number;
  readonly name: string;
  readonly call: RawCall;
  /** Why it does no harm where it is answered with a yes; absent: that is an escape. */
  readonly harmless?: string;
}

/** Attempts of one program. A call that the filter kills for ends its program, so such ones stand alone. */
export interface RawProgram {
  readonly name: string;
  readonly attempts: readonly RawAttempt[];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const words = (...values: readonly (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (value) => BigInt.asUintN(64, BigInt(value))).buffer);
const words32 = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values).buffer);

const raw = (
  number: number,
  name: string,
  x64: number,
  args: readonly RawArgument[],
  more: { readonly harmless?: string; readonly forks?: boolean } = {},
): RawAttempt => ({
  case: number,
  name,
  call: { abi: 'x64', number: x64, arguments: args, ...(more.forks && { forks: true }) },
  ...(more.harmless !== undefined && { harmless: more.harmless }),
});
const i386 = (
  number: number,
  name: string,
  call: number,
  args: readonly RawArgument[],
  harmless?: string,
): RawAttempt => ({
  case: number,
  name: `i386 ${name}`,
  call: { abi: 'i386', number: call, arguments: args },
  ...(harmless !== undefined && { harmless }),
});

const { SIGUSR2, SIGKILL, SIGCHLD } = constants.signals;
const AT_FDCWD = -100;
const O_WRONLY_CREAT = 0o101;
const CLONE_NEWUSER = 0x1000_0000;
const CLONE_NEWNS = 0x2_0000;
const CLONE_NEWNET = 0x4000_0000;
/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: a thread as pthread_create makes it. */
const CLONE_THREAD = 0x5_0f00;
const PTRACE_SEIZE = 0x4206;
const IPC_PRIVATE_CREATE = 0o1600;
const SYSLOG_ACTION_READ_ALL = 3;
const OWN = 'an object that only this process can see';
const SAME_JAIL = 'the same jail: what its process could not reach, it cannot';

/** Domains of socket(2). */
const SOCKETS: readonly (readonly [string, number])[] = [
  ['unix', 1],
  ['inet', 2],
  ['inet6', 10],
  ['netlink', 16],
  ['packet', 17],
  ['alg', 38],
  ['vsock', 40],
  ['xdp', 44],
];

const files = ({ secretFile, dropFolder, parentPid }: Outside): readonly RawAttempt[] => [
  raw(81, 'open', 2, [text(secretFile), 0, 0]),
  raw(81, 'openat', 257, [AT_FDCWD, text(secretFile), 0, 0]),
  raw(81, 'openat2', 437, [AT_FDCWD, text(secretFile), words(0, 0, 0), 24]),
  raw(81, 'readlink', 89, [text('/proc/self/root'), SCRATCH, 100]),
  raw(81, 'open_by_handle_at', 304, [AT_FDCWD, words(8, 0), 0]),
  raw(82, 'open to write', 2, [text(`${dropFolder}/raw`), O_WRONLY_CREAT, 0o666]),
  raw(82, 'creat in /', 85, [text('/raw'), 0o666]),
  raw(82, 'mkdir', 83, [text(`${dropFolder}/raw-folder`), 0o777]),
  raw(82, 'symlink', 88, [text('/etc/passwd'), text(`${dropFolder}/raw-link`)]),
  raw(82, 'memfd_create', 319, [text('x'), 0], { harmless: OWN }),
  raw(87, 'open of environ', 2, [text(`/proc/${parentPid}/environ`), 0, 0]),
  raw(87, 'open of own mem', 2, [text('/proc/self/mem'), 2, 0]),
];

const sockets = (): readonly RawAttempt[] => [
  ...SOCKETS.map(([name, domain]) =>
    raw(84, `socket ${name}`, 41, [domain, domain === 17 ? 3 : 2, 0]),
  ),
  raw(84, 'socketpair', 53, [1, 1, 0, SCRATCH], { harmless: OWN }),
];

const others = ({ parentPid, victimPid }: Outside): readonly RawAttempt[] => [
  raw(86, 'kill of the parent', 62, [parentPid, SIGUSR2]),
  raw(86, 'tgkill of the parent', 234, [parentPid, parentPid, SIGUSR2]),
  raw(86, 'rt_sigqueueinfo of the parent', 129, [parentPid, SIGUSR2, words(SIGUSR2, -1, 0, 0)]),
  raw(86, 'kill of another runner', 62, [victimPid, SIGKILL]),
  raw(86, 'prlimit of the parent', 302, [parentPid, 7, words(0, 0), 0]),
  raw(86, 'process_vm_readv of the parent', 310, [
    parentPid,
    words(0x40_0000, 8),
    1,
    words(0x40_0000, 8),
    1,
    0,
  ]),
  raw(90, 'ptrace of the parent', 101, [PTRACE_SEIZE, parentPid, 0, 0]),
  raw(90, 'ptrace of another runner', 101, [PTRACE_SEIZE, victimPid, 0, 0]),
  raw(90, 'ptrace of process 1', 101, [PTRACE_SEIZE, 1, 0, 0]),
  raw(90, 'pidfd_open', 434, [1, 0], { harmless: OWN }),
];

const kernel = (): readonly RawAttempt[] => [
  raw(90, 'unshare of users', 272, [CLONE_NEWUSER]),
  raw(90, 'unshare of mounts', 272, [CLONE_NEWNS]),
  raw(90, 'unshare of the network', 272, [CLONE_NEWNET]),
  raw(90, 'mount', 165, [text('none'), text('/'), text('tmpfs'), 0, 0]),
  raw(90, 'umount', 166, [text('/'), 2]),
  raw(90, 'pivot_root', 155, [text('/'), text('/')]),
  raw(90, 'chroot', 161, [text('/')]),
  raw(90, 'fsopen', 430, [text('tmpfs'), 0]),
  raw(90, 'open_tree', 428, [AT_FDCWD, text('/'), 1]),
  raw(90, 'bpf, a map', 321, [0, words(0x4_0000_0001n, 0x1_0000_0008n, 0, 0, 0, 0, 0, 0, 0), 72]),
  raw(90, 'io_uring_setup', 425, [8, SCRATCH]),
  raw(90, 'userfaultfd', 323, [1]),
  raw(90, 'perf_event_open', 298, [words(0x78_0000_0001n, 1, ...Array(13).fill(0)), 0, -1, -1, 0]),
  raw(90, 'keyctl', 250, [0, -3, 1]),
  raw(90, 'add_key', 248, [text('user'), text('x'), text('y'), 1, -3]),
  raw(90, 'init_module', 175, [SCRATCH, 8, text('')]),
  raw(90, 'kexec_load', 246, [0, 0, 0, 0]),
  raw(90, 'iopl', 172, [3]),
  raw(90, 'reboot', 169, [0xfee1_dead, 0x2812_1969, 0, 0]),
  raw(90, 'syslog', 103, [SYSLOG_ACTION_READ_ALL, SCRATCH, 100]),
  raw(90, 'settimeofday', 164, [words(0, 0), 0]),
  raw(90, 'sethostname', 170, [text('x'), 1]),
  raw(90, 'setuid', 105, [0]),
  raw(90, 'setgid', 106, [0]),
  raw(90, 'fanotify_init', 300, [0, 0]),
  raw(90, 'modify_ldt', 154, [17, words(0, 0), 16]),
  // Named objects of System V outlive their process and are no descriptors.
  raw(90, 'shmget', 29, [0x1fab_0001, 4096, IPC_PRIVATE_CREATE]),
  raw(90, 'semget', 64, [0x1fab_0002, 1, IPC_PRIVATE_CREATE]),
  raw(90, 'msgget', 68, [0x1fab_0003, IPC_PRIVATE_CREATE]),
  raw(90, 'mq_open', 240, [text('ifab'), 0o102, 0o600, 0]),
  raw(90, 'memfd_secret', 447, [0], { harmless: OWN }),
  raw(90, 'pipe2', 293, [SCRATCH, 0], { harmless: OWN }),
  raw(90, 'setpriority', 141, [0, 0, -20]),
  raw(90, 'a real-time scheduler', 144, [0, 1, words32(1)]),
  raw(90, 'higher limits', 302, [0, 7, words(64, 64), 0]),
];

const birth = (): readonly RawAttempt[] => [
  raw(85, 'clone, a thread', 56, [CLONE_THREAD, 0, 0, 0, 0], { forks: true, harmless: SAME_JAIL }),
  raw(92, 'fork', 57, [], { forks: true, harmless: SAME_JAIL }),
  raw(92, 'vfork', 58, [], { forks: true, harmless: SAME_JAIL }),
  raw(92, 'clone', 56, [SIGCHLD, 0, 0, 0, 0], { forks: true, harmless: SAME_JAIL }),
  raw(90, 'clone into new users', 56, [CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0], {
    forks: true,
    harmless: SAME_JAIL,
  }),
  raw(92, 'clone3', 435, [words(0, 0, 0, 0, SIGCHLD, 0, 0, 0), 64], {
    forks: true,
    harmless: SAME_JAIL,
  }),
  ...Array.from({ length: 32 }, () =>
    raw(92, 'a bomb of 32 forks', 57, [], { forks: true, harmless: SAME_JAIL }),
  ),
];

/**
 * @param executable a dynamic executable as the jail shows it, with all its libraries
 */
export const rawPrograms = (outside: Outside, executable: string): readonly RawProgram[] => [
  { name: 'files', attempts: files(outside) },
  { name: 'sockets', attempts: sockets() },
  { name: 'others', attempts: others(outside) },
  { name: 'kernel', attempts: kernel() },
  { name: 'birth', attempts: birth() },
  // When it works there is nobody left to say so: the new image has to speak, or to live.
  { name: 'execve', attempts: [raw(83, 'execve', 59, [text(executable), 0, 0])] },
  {
    name: 'execveat',
    attempts: [raw(83, 'execveat', 322, [AT_FDCWD, text(executable), 0, 0, 0])],
  },
  {
    name: 'x32',
    attempts: [
      {
        case: 91,
        name: 'x32 open',
        call: { abi: 'x32', number: 2, arguments: [text(outside.secretFile), 0, 0] },
      },
    ],
  },
  { name: 'i386 open', attempts: [i386(91, 'open', 5, [text(outside.secretFile), 0, 0])] },
  { name: 'i386 socket', attempts: [i386(91, 'socket', 359, [2, 1, 0])] },
  { name: 'i386 socketcall', attempts: [i386(91, 'socketcall', 102, [1, words32(2, 1, 0)])] },
  { name: 'i386 ptrace', attempts: [i386(91, 'ptrace', 26, [PTRACE_SEIZE, 1, 0, 0])] },
  { name: 'i386 fork', attempts: [i386(91, 'fork', 2, [], SAME_JAIL)] },
];

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const INSTRUCTION_BYTES = 8;

/** Installs the runners' filter on the calling process: prctl(2), seccomp(2), struct sock_fprog. */
export const filterCalls = (arch: string): readonly RawCall[] => {
  const filter = seccompFilter(arch) ?? new Uint8Array();
  const program = new Uint8Array(16);
  new DataView(program.buffer).setUint16(0, filter.length / INSTRUCTION_BYTES, true);
  return [
    { abi: 'x64', number: 157, arguments: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] },
    {
      abi: 'x64',
      number: 317,
      arguments: [SECCOMP_SET_MODE_FILTER, 0, { bytes: program, at: 8, to: filter }],
    },
  ];
};

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EPERM`, or the number where it has no name. */
export const errorName = (result: number): string => NAMES.get(-result) ?? String(result);
