/** What a module may import: names, signatures, and which function of the contract has to be listed for each. */
import type { HostFunction } from '@infrafabric/protocol';
import type { AdmitHeader } from '../words.ts';
import { quoted, Refusal } from './refusal.ts';
import { KIND, type ImportSeen } from './shape.ts';
import { signatureAt } from './types.ts';

export interface Importable {
  readonly signature: string;
  /** The host function that has to be listed; absent: it reaches nothing outside the runner. */
  readonly needs?: HostFunction;
}

export const EXTISM_MODULE = 'extism:host/env';
export const INFRAFABRIC_MODULE = 'infrafabric:host';
export const WASI_MODULE = 'wasi_snapshot_preview1';
/** Where AssemblyScript's runtime looks for `abort`. */
export const ASSEMBLYSCRIPT_MODULE = 'env';

type Importables = ReadonlyMap<string, Importable>;

const named = (
  signatures: Readonly<Record<string, string>>,
  needs?: HostFunction,
): readonly (readonly [string, Importable])[] =>
  Object.entries(signatures).map(([name, signature]) => [
    name,
    needs === undefined ? { signature } : { signature, needs },
  ]);

/** The kernel's interface that Extism's PDKs are written against. Offsets and lengths are i64. */
const EXTISM: Importables = new Map([
  ...named({
    alloc: 'i64 -> i64',
    config_get: 'i64 -> i64',
    error_get: '-> i64',
    error_set: 'i64 ->',
    free: 'i64 ->',
    get_log_level: '-> i32',
    input_length: '-> i64',
    input_load_u64: 'i64 -> i64',
    input_load_u8: 'i64 -> i32',
    input_offset: '-> i64',
    length: 'i64 -> i64',
    length_unsafe: 'i64 -> i64',
    load_u64: 'i64 -> i64',
    load_u8: 'i64 -> i32',
    output_set: 'i64 i64 ->',
    store_u64: 'i64 i64 ->',
    store_u8: 'i64 i32 ->',
    var_get: 'i64 -> i64',
    var_set: 'i64 i64 ->',
  }),
  ...named(
    {
      log_debug: 'i64 ->',
      log_error: 'i64 ->',
      log_info: 'i64 ->',
      log_trace: 'i64 ->',
      log_warn: 'i64 ->',
    },
    'log',
  ),
  ...named(
    { http_headers: '-> i64', http_request: 'i64 i64 -> i64', http_status_code: '-> i32' },
    'http',
  ),
]);

/** WASI preview 1, all of it: what is not written to is answered with ENOSYS by the runner, not refused here. */
const WASI: Importables = new Map(
  named({
    args_get: 'i32 i32 -> i32',
    args_sizes_get: 'i32 i32 -> i32',
    clock_res_get: 'i32 i32 -> i32',
    clock_time_get: 'i32 i64 i32 -> i32',
    environ_get: 'i32 i32 -> i32',
    environ_sizes_get: 'i32 i32 -> i32',
    fd_advise: 'i32 i64 i64 i32 -> i32',
    fd_allocate: 'i32 i64 i64 -> i32',
    fd_close: 'i32 -> i32',
    fd_datasync: 'i32 -> i32',
    fd_fdstat_get: 'i32 i32 -> i32',
    fd_fdstat_set_flags: 'i32 i32 -> i32',
    fd_fdstat_set_rights: 'i32 i64 i64 -> i32',
    fd_filestat_get: 'i32 i32 -> i32',
    fd_filestat_set_size: 'i32 i64 -> i32',
    fd_filestat_set_times: 'i32 i64 i64 i32 -> i32',
    fd_pread: 'i32 i32 i32 i64 i32 -> i32',
    fd_prestat_dir_name: 'i32 i32 i32 -> i32',
    fd_prestat_get: 'i32 i32 -> i32',
    fd_pwrite: 'i32 i32 i32 i64 i32 -> i32',
    fd_read: 'i32 i32 i32 i32 -> i32',
    fd_readdir: 'i32 i32 i32 i64 i32 -> i32',
    fd_renumber: 'i32 i32 -> i32',
    fd_seek: 'i32 i64 i32 i32 -> i32',
    fd_sync: 'i32 -> i32',
    fd_tell: 'i32 i32 -> i32',
    fd_write: 'i32 i32 i32 i32 -> i32',
    path_create_directory: 'i32 i32 i32 -> i32',
    path_filestat_get: 'i32 i32 i32 i32 i32 -> i32',
    path_filestat_set_times: 'i32 i32 i32 i32 i64 i64 i32 -> i32',
    path_link: 'i32 i32 i32 i32 i32 i32 i32 -> i32',
    path_open: 'i32 i32 i32 i32 i32 i64 i64 i32 i32 -> i32',
    path_readlink: 'i32 i32 i32 i32 i32 i32 -> i32',
    path_remove_directory: 'i32 i32 i32 -> i32',
    path_rename: 'i32 i32 i32 i32 i32 i32 -> i32',
    path_symlink: 'i32 i32 i32 i32 i32 -> i32',
    path_unlink_file: 'i32 i32 i32 -> i32',
    poll_oneoff: 'i32 i32 i32 i32 -> i32',
    proc_exit: 'i32 ->',
    proc_raise: 'i32 -> i32',
    random_get: 'i32 i32 -> i32',
    sched_yield: '-> i32',
    sock_accept: 'i32 i32 i32 -> i32',
    sock_recv: 'i32 i32 i32 i32 i32 i32 -> i32',
    sock_send: 'i32 i32 i32 i32 i32 -> i32',
    sock_shutdown: 'i32 i32 -> i32',
  }),
);

const INFRAFABRIC: Importables = new Map(named({ call: 'i64 -> i64' }, 'call'));
const ASSEMBLYSCRIPT: Importables = new Map(named({ abort: 'i32 i32 i32 i32 ->' }));

/**
 * What each ABI links, by module. `infrafabric:host/call` speaks in offsets of the kernel's arena, so only Extism modules
 * have it; the others have no way to hand over a text but their own memory.
 */
const LINKED: Readonly<Record<'extism' | 'json' | 'wasi', ReadonlyMap<string, Importables>>> = {
  extism: new Map([
    [EXTISM_MODULE, EXTISM],
    [INFRAFABRIC_MODULE, INFRAFABRIC],
    [WASI_MODULE, WASI],
    [ASSEMBLYSCRIPT_MODULE, ASSEMBLYSCRIPT],
  ]),
  json: new Map([
    [WASI_MODULE, WASI],
    [ASSEMBLYSCRIPT_MODULE, ASSEMBLYSCRIPT],
  ]),
  wasi: new Map([
    [WASI_MODULE, WASI],
    [ASSEMBLYSCRIPT_MODULE, ASSEMBLYSCRIPT],
  ]),
};

/** The functions that a module of this ABI may import, by module and name; the runner links these and no others. */
export const importablesOf = (
  abi: 'extism' | 'json' | 'wasi',
): ReadonlyMap<string, ReadonlyMap<string, Importable>> => LINKED[abi];

/** Refuses the first import that is unknown, of another signature, or of a function that the contract does not list. */
export const importsAllowed = (
  bytes: Uint8Array,
  seen: { readonly imports: readonly ImportSeen[]; readonly types: readonly number[] },
  {
    abi,
    hostFunctions,
  }: { readonly abi: 'extism' | 'json' | 'wasi' } & Pick<AdmitHeader, 'hostFunctions'>,
): void => {
  for (const { module, name, kind, type, offset } of seen.imports) {
    const words = `Import ${quoted(module)} ${quoted(name)}`;
    // Anything but a function brings state from outside into the instance, and no ABI here needs it.
    if (kind !== KIND.function)
      throw new Refusal('import-kind', `${words} is no function.`, offset);
    const importable = LINKED[abi].get(module)?.get(name);
    if (importable === undefined)
      throw new Refusal(
        'unknown-import',
        `${words} is nothing that ${abi} modules are given.`,
        offset,
      );
    const signature = signatureAt(bytes, seen.types[type] ?? 0);
    if (signature !== importable.signature)
      throw new Refusal(
        'import-signature',
        `${words} is (${signature}); it has to be (${importable.signature}).`,
        offset,
      );
    if (importable.needs !== undefined && !hostFunctions.includes(importable.needs))
      throw new Refusal(
        'import-not-granted',
        `${words} needs the host function ${importable.needs}, which is not listed.`,
        offset,
      );
  }
};
