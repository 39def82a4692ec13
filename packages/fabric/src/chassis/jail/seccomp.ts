/**
 * The system call filter as classic BPF (seccomp(2), Linux Documentation/userspace-api/seccomp_filter.rst), assembled
 * here from names. bubblewrap reads the bytes from a descriptor and installs them before it starts node.
 *
 * J1  The architecture and the x32 bit are looked at before any number: the same number means another call there.
 * J2  An architecture without a table of its own has no filter. It is never given another one's.
 */
import { DENIED_X64 } from './syscalls-x64.ts';

interface SyscallTable {
  /** AUDIT_ARCH of the architecture (linux/audit.h). */
  readonly auditArch: number;
  /** Numbers from here on belong to another ABI of the same architecture; none where there is no such ABI. */
  readonly foreignFrom: number | undefined;
  readonly denied: Readonly<Record<string, number>>;
}

/** By the names of `process.arch`. */
const TABLES: ReadonlyMap<string, SyscallTable> = new Map([
  // x32 calls carry __X32_SYSCALL_BIT under the same AUDIT_ARCH_X86_64.
  ['x64', { auditArch: 0xc000003e, foreignFrom: 0x40000000, denied: DENIED_X64 }],
]);

/** Opcodes of linux/bpf_common.h: load a word of the call, compare with a constant, return a constant. */
const LD_W_ABS = 0x20;
const JMP_JEQ_K = 0x15;
const JMP_JGE_K = 0x35;
const RET_K = 0x06;

/** Offsets in struct seccomp_data. */
const OFFSET_NR = 0;
const OFFSET_ARCH = 4;

const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO_EPERM = 0x00050000 | 1;
const RET_ALLOW = 0x7fff0000;

/** struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
const INSTRUCTION_BYTES = 8;

interface Instruction {
  readonly code: number;
  readonly k: number;
  /** Instructions to skip where the comparison holds, and where it does not. */
  readonly jt?: number;
  readonly jf?: number;
}

/** Whether an architecture has a table, and so a filter. */
export const hasSeccompTable = (arch: string): boolean => TABLES.has(arch);

/** The filter of an architecture; undefined where it has no table (J2). */
export const seccompFilter = (arch: string): Uint8Array | undefined => {
  const table = TABLES.get(arch);
  return table === undefined ? undefined : encode(assemble(table));
};

const assemble = ({ auditArch, foreignFrom, denied }: SyscallTable): readonly Instruction[] => {
  const numbers = [...new Set(Object.values(denied))].toSorted((one, other) => one - other);
  return [
    { code: LD_W_ABS, k: OFFSET_ARCH },
    { code: JMP_JEQ_K, k: auditArch, jt: 1 },
    { code: RET_K, k: RET_KILL_PROCESS },
    { code: LD_W_ABS, k: OFFSET_NR },
    ...(foreignFrom === undefined
      ? []
      : [
          { code: JMP_JGE_K, k: foreignFrom, jf: 1 },
          { code: RET_K, k: RET_KILL_PROCESS },
        ]),
    // A hit jumps over the rest of the list and over ALLOW, to EPERM at the end.
    ...numbers.map((k, at) => ({ code: JMP_JEQ_K, k, jt: numbers.length - at })),
    { code: RET_K, k: RET_ALLOW },
    { code: RET_K, k: RET_ERRNO_EPERM },
  ];
};

const encode = (program: readonly Instruction[]): Uint8Array => {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [at, { code, k, jt = 0, jf = 0 }] of program.entries()) {
    const offset = at * INSTRUCTION_BYTES;
    view.setUint16(offset, code, true);
    view.setUint8(offset + 2, jt);
    view.setUint8(offset + 3, jf);
    view.setUint32(offset + 4, k, true);
  }
  return bytes;
};
