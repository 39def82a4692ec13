/** Ends the program's trust in itself: a false condition is a defect of ours or of our caller,
    never a property of bytes that were read. Throws `Error`; nobody catches it to go on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`defect: ${message}`);
}
