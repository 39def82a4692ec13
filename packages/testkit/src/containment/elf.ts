/**
 * A static ELF executable for x86-64 that makes system calls and reports each one's result: what a guest could do that
 * owns the runner's address space, without the C library, the loader or a file of its own.
 *
 * E1  It waits for one byte on standard input first, so that limits can be put on it as on a runner that is ready.
 * E2  After every call it writes eight bytes, the call's result (little endian, negative: the error's number), to
 *     standard output: whoever reads sees which call was answered last, also where one kills it.
 *
 * Encodings: Intel SDM volume 2; file layout: ELF-64 Object File Format, version 1.5; calling conventions: System V
 * ABI AMD64 supplement, A.2.1, and `int 0x80` of i386 with its numbers in ebx, ecx, edx, esi, edi.
 */

/** Bytes that lie in the program's memory, and hold an address of other such bytes at `at`. */
export interface Pointing {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly to: Uint8Array;
}

/** An argument: a number, or bytes that lie in the program's memory, given by their address. */
export type RawArgument = number | bigint | Uint8Array | Pointing;

export interface RawCall {
  /** `x64` and `x32` differ in bit 30 of the number; `i386` enters by `int 0x80`. */
  readonly abi: 'x64' | 'x32' | 'i386';
  readonly number: number;
  /** Six at most for the 64-bit ways in, five for `i386`. */
  readonly arguments: readonly RawArgument[];
  /** The call returns twice: the child spins for a while and ends without a word. */
  readonly forks?: boolean;
}

/** Where the only segment lies: below 2 GiB, so that `i386` reaches it, and above `mmap_min_addr`. */
const LOAD_ADDRESS = 0x40_0000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_AT = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
/** A row: how to enter, number, six arguments, result; 8 bytes each. */
const ROW_WORDS = 9;
const WORD_BYTES = 8;
const ROW_BYTES = ROW_WORDS * WORD_BYTES;
/** Room that calls may write to, behind everything else. */
const SCRATCH_BYTES = 65_536;
const X32_BIT = 0x4000_0000;

const HOW = { end: 0, syscall: 1, interrupt: 2, fork: 3 } as const;

/** An argument that stands for the address of the scratch room; never a real size or flag. */
export const SCRATCH = 0x5c7a_7c48_0000_0001n;

const le32 = (value: number): readonly number[] => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return [...bytes];
};

/**
 * The machine code, for a table at `table`. r12: the row. Jumps are patched by label when all is written down.
 */
const machineCode = (table: number): Uint8Array => {
  const code: number[] = [];
  const labels = new Map<string, number>();
  const jumps: { readonly at: number; readonly to: string }[] = [];
  const emit = (...bytes: readonly number[]): void => {
    code.push(...bytes);
  };
  const label = (name: string): void => {
    labels.set(name, code.length);
  };
  /** A jump with a 32-bit displacement: e9, or 0f 8x. */
  const jump = (opcode: readonly number[], to: string): void => {
    emit(...opcode, 0, 0, 0, 0);
    jumps.push({ at: code.length - 4, to });
  };
  const JMP = [0xe9];
  const JE = [0x0f, 0x84];
  const JNE = [0x0f, 0x85];
  const SYSCALL = [0x0f, 0x05];

  emit(0x49, 0xbc, ...le32(table), 0, 0, 0, 0); // mov r12, table
  // read(0, &row.result, 1): E1.
  emit(0x31, 0xc0, 0x31, 0xff); // xor eax, eax; xor edi, edi
  emit(0x49, 0x8d, 0x74, 0x24, 0x40); // lea rsi, [r12+64]
  emit(0xba, 1, 0, 0, 0, ...SYSCALL); // mov edx, 1; syscall

  label('row');
  emit(0x49, 0x8b, 0x04, 0x24); // mov rax, [r12]
  emit(0x48, 0x83, 0xf8, HOW.end); // cmp rax, end
  jump(JE, 'end');
  emit(0x48, 0x83, 0xf8, HOW.interrupt); // cmp rax, interrupt
  jump(JE, 'interrupt');
  emit(0x49, 0x8b, 0x44, 0x24, 0x08); // mov rax, [r12+8]
  emit(0x49, 0x8b, 0x7c, 0x24, 0x10); // mov rdi, [r12+16]
  emit(0x49, 0x8b, 0x74, 0x24, 0x18); // mov rsi, [r12+24]
  emit(0x49, 0x8b, 0x54, 0x24, 0x20); // mov rdx, [r12+32]
  emit(0x4d, 0x8b, 0x54, 0x24, 0x28); // mov r10, [r12+40]
  emit(0x4d, 0x8b, 0x44, 0x24, 0x30); // mov r8, [r12+48]
  emit(0x4d, 0x8b, 0x4c, 0x24, 0x38); // mov r9, [r12+56]
  emit(...SYSCALL);
  emit(0x49, 0x83, 0x3c, 0x24, HOW.fork); // cmp qword [r12], fork
  jump(JNE, 'told');
  emit(0x48, 0x85, 0xc0); // test rax, rax
  jump(JE, 'child');

  label('told');
  emit(0x49, 0x89, 0x44, 0x24, 0x40); // mov [r12+64], rax
  // write(1, &row.result, 8): E2.
  emit(0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0); // mov eax, 1; mov edi, 1
  emit(0x49, 0x8d, 0x74, 0x24, 0x40); // lea rsi, [r12+64]
  emit(0xba, WORD_BYTES, 0, 0, 0, ...SYSCALL); // mov edx, 8; syscall
  emit(0x49, 0x83, 0xc4, ROW_BYTES); // add r12, row
  jump(JMP, 'row');

  label('interrupt');
  emit(0x49, 0x8b, 0x44, 0x24, 0x08); // mov rax, [r12+8]
  emit(0x49, 0x8b, 0x5c, 0x24, 0x10); // mov rbx, [r12+16]
  emit(0x49, 0x8b, 0x4c, 0x24, 0x18); // mov rcx, [r12+24]
  emit(0x49, 0x8b, 0x54, 0x24, 0x20); // mov rdx, [r12+32]
  emit(0x49, 0x8b, 0x74, 0x24, 0x28); // mov rsi, [r12+40]
  emit(0x49, 0x8b, 0x7c, 0x24, 0x30); // mov rdi, [r12+48]
  emit(0xcd, 0x80); // int 0x80
  emit(0x48, 0x98); // cdqe: its errors are 32 bits wide
  jump(JMP, 'told');

  // A child lives for some hundred milliseconds, so that whoever looks for it can see it.
  label('child');
  emit(0x48, 0xb9, ...le32(0x3000_0000), 0, 0, 0, 0); // mov rcx, turns
  label('turn');
  emit(0x48, 0xff, 0xc9); // dec rcx
  jump(JNE, 'turn');
  emit(0xb8, 60, 0, 0, 0, 0x31, 0xff, ...SYSCALL); // mov eax, exit; xor edi, edi; syscall
  label('end');
  emit(0xb8, 231, 0, 0, 0, 0x31, 0xff, ...SYSCALL); // mov eax, exit_group; xor edi, edi; syscall

  const bytes = Uint8Array.from(code);
  const view = new DataView(bytes.buffer);
  for (const { at, to } of jumps) view.setInt32(at, (labels.get(to) ?? 0) - (at + 4), true);
  return bytes;
};

/** The code's length does not depend on where its table lies. */
const CODE_BYTES = machineCode(0).length;
const TABLE_AT = Math.ceil((CODE_AT + CODE_BYTES) / 16) * 16;

const howOf = ({ abi, forks = false }: RawCall): number => {
  if (forks) return HOW.fork;
  return abi === 'i386' ? HOW.interrupt : HOW.syscall;
};

/**
 * The program as a file's bytes. It exits 0 after the last call.
 *
 * @param calls made in this order, whatever the ones before answered
 */
export const elfOf = (calls: readonly RawCall[]): Uint8Array => {
  const placed: Uint8Array[] = [];
  const from = TABLE_AT + (calls.length + 1) * ROW_BYTES;
  let at = from;
  const place = (bytes: Uint8Array): bigint => {
    // Aligned, for structures; and one zero behind, for strings.
    const room = new Uint8Array(roomOf(bytes));
    room.set(bytes);
    placed.push(room);
    at += room.length;
    return BigInt(LOAD_ADDRESS + at - room.length);
  };
  const addressOf = (argument: RawArgument, scratch: number): bigint => {
    if (argument === SCRATCH) return BigInt(scratch);
    if (typeof argument === 'number' || typeof argument === 'bigint') return BigInt(argument);
    if (argument instanceof Uint8Array) return place(argument);
    const bytes = argument.bytes.slice();
    new DataView(bytes.buffer).setBigUint64(argument.at, place(argument.to), true);
    return place(bytes);
  };
  const dataBytes = calls
    .flatMap((call) => call.arguments)
    .reduce<number>((sum, one) => sum + dataBytesOf(one), 0);
  const scratch = LOAD_ADDRESS + from + dataBytes;
  const rows = new BigInt64Array((calls.length + 1) * ROW_WORDS);
  for (const [index, call] of calls.entries()) {
    const number = call.abi === 'x32' ? call.number + X32_BIT : call.number;
    const words = call.arguments.map((one) => BigInt.asIntN(64, addressOf(one, scratch)));
    rows.set([BigInt(howOf(call)), BigInt(number), ...words], index * ROW_WORDS);
  }
  const file = new Uint8Array(from + dataBytes);
  file.set(headers(file.length));
  file.set(machineCode(LOAD_ADDRESS + TABLE_AT), CODE_AT);
  file.set(new Uint8Array(rows.buffer), TABLE_AT);
  file.set(Buffer.concat(placed), from);
  return file;
};

const roomOf = (bytes: Uint8Array): number =>
  Math.ceil((bytes.length + 1) / WORD_BYTES) * WORD_BYTES;
const dataBytesOf = (argument: RawArgument): number => {
  if (argument instanceof Uint8Array) return roomOf(argument);
  return typeof argument === 'object' ? roomOf(argument.bytes) + roomOf(argument.to) : 0;
};

/** The ELF header and one program header: all of the file, readable, writable and executable, and the scratch room. */
const headers = (fileBytes: number): Uint8Array => {
  const bytes = new Uint8Array(CODE_AT);
  const view = new DataView(bytes.buffer);
  const address = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little endian, version
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  address(24, LOAD_ADDRESS + CODE_AT);
  address(32, ELF_HEADER_BYTES);
  view.setUint16(52, ELF_HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 7, true); // read, write, execute
  address(72, 0);
  address(80, LOAD_ADDRESS);
  address(88, LOAD_ADDRESS);
  address(96, fileBytes);
  address(104, fileBytes + SCRATCH_BYTES);
  address(112, 0x1000);
  return bytes;
};

/** The results in the order of the calls: as many as were answered. */
export const resultsOf = (output: Uint8Array): readonly number[] => {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  return Array.from({ length: Math.floor(output.length / WORD_BYTES) }, (_, index) =>
    Number(view.getBigInt64(index * WORD_BYTES, true)),
  );
};
