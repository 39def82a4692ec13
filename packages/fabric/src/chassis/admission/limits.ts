/**
 * What a module may have. Each limit keeps one known way of making an engine spend memory or time out of proportion to
 * the bytes it was given; real modules stay far below all of them. Wider: the bombs grow; tighter: honest plugins fail.
 */

/** Bytes of a module, 16 MiB: the contract's limit. It stands here too, because this runs where the contract does not. */
export const MODULE_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a script: a bundled guest has tens of KiB, and the interpreter parses all of it at each load. */
export const SCRIPT_BYTES_MAX = 1024 * 1024;
/** Signatures. Compilers make hundreds; each is made canonical against all others of its process. */
export const TYPES_MAX = 10_000;
/** Parameters of one signature: what a Java method may have. Loops and calls move all of them each time. */
export const PARAMETERS_MAX = 255;
/**
 * Results of one signature: compilers use a handful. A call of two bytes leaves all of them on the stack: with
 * 1,000 each, 127 KB of calls took more than 20 s to compile.
 */
export const RESULTS_MAX = 64;
/** The largest plugin measured had 17 k functions; the engine keeps some 100 bytes of each. */
export const FUNCTIONS_MAX = 50_000;
export const IMPORTS_MAX = 1_000;
export const EXPORTS_MAX = 1_000;
/** Bytes of one name: compilers' longest are some 500. */
export const NAME_BYTES_MAX = 1_024;
/** Bytes of all names: a verdict lists them, sixfold where JSON escapes them, and one frame has to hold it. */
export const NAMES_BYTES_MAX = 1024 * 1024;
/** Tables. Each may grow to the engine's limit, so their number multiplies it. */
export const TABLES_MAX = 10;
/** Elements that a table begins with: 10 M of them end a process (measured). */
export const TABLE_ELEMENTS_MAX = 100_000;
export const MEMORIES_MAX = 1;
/** Pages of 64 KiB that a memory begins with where the header names none: 2 GiB, the widest that a contract may grant. */
export const MEMORY_PAGES_MAX = 32_768;
/** Pages that an address of 32 bits can reach. */
export const MEMORY_PAGES_OF_32_BITS = 65_536;
/** Compilers keep few; an interpreter made of 1 M is a bomb. */
export const GLOBALS_MAX = 10_000;
/** AssemblyScript makes one data segment of each string, others a handful. */
export const SEGMENTS_MAX = 10_000;
/** Entries of all element segments: as many as a table holds. */
export const ELEMENTS_MAX = 100_000;
/** Bytes of one function, 128 KiB: time and memory of compiling grow faster than it, and at the first call. */
export const BODY_BYTES_MAX = 128 * 1024;
/** Locals of one function: a frame of 5 k locals has 40 KB, and every loop merges each of them. */
export const LOCALS_MAX = 5_000;
/** Blocks inside each other: 1 M of them took 889 MB on the first call; the `switch` of an interpreter has some 280. */
export const NESTING_MAX = 1_024;
/** Operands of one function at once: compilers of languages leave some ten there. */
export const OPERANDS_MAX = 10_000;
/**
 * Locals and operands of one function, summed over its blocks. A compiler keeps the state of each for every block that
 * it has to merge: 50 M of them, in 120 KB, took 1.3 GB on the first call; 2 M take 60 MB, and the largest sum seen in a
 * real module is 35 k.
 */
export const MERGED_VALUES_MAX = 2_000_000;
/** Targets of one `br_table`: a 7 MB table took 502 MB (measured). */
export const BRANCH_TARGETS_MAX = 10_000;
/** Bytes of all custom sections: names and debug information, which nothing here reads. */
export const CUSTOM_BYTES_MAX = 8 * 1024 * 1024;
export const CUSTOM_SECTIONS_MAX = 1_000;
