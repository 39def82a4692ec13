/** Modules from their text, so that what a test attacks with can be read. */
import wabt from 'wabt';

/** What the engines of today read. Some of it is refused at admission, which is what tests of it want to see. */
const FEATURES = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
} as const;

let toolkit: ReturnType<typeof wabt> | undefined;

/**
 * Assembles a module.
 *
 * @param source in the text format; a module that is not valid is assembled all the same where its text can be read
 * @throws Error with the line where it cannot
 */
export const wasmOf = async (source: string): Promise<Uint8Array> => {
  toolkit ??= wabt();
  const module = (await toolkit).parseWat('module.wat', source, FEATURES);
  try {
    return module.toBinary({}).buffer.slice();
  } finally {
    module.destroy();
  }
};
