/** Why a module is not admitted. Reports and tests go by these words: append, never rename. */
export type RefusalCode =
  // It is no module, whatever an engine would say.
  | 'not-a-module'
  | 'truncated'
  | 'bad-integer'
  | 'bad-utf8'
  | 'bad-section'
  | 'malformed'
  // It may be one, but says something that is not allowed here.
  | 'feature-refused'
  | 'unknown-opcode'
  | 'unknown-type'
  | 'unknown-section'
  | 'shared-memory'
  | 'memory64'
  | 'start-function'
  | 'unknown-import'
  | 'import-kind'
  | 'import-signature'
  | 'import-not-granted'
  | 'entrypoint-missing'
  | 'entrypoint-kind'
  | 'entrypoint-signature'
  | 'export-missing'
  // It has more than it may.
  | 'module-too-large'
  | 'script-too-large'
  | 'body-too-large'
  | 'custom-too-large'
  | 'memory-too-large'
  | 'table-too-large'
  | 'br-table-too-large'
  | 'name-too-long'
  | 'names-too-long'
  | 'nesting-too-deep'
  | 'too-many-types'
  | 'too-many-parameters'
  | 'too-many-results'
  | 'too-many-imports'
  | 'too-many-functions'
  | 'too-many-tables'
  | 'too-many-memories'
  | 'too-many-globals'
  | 'too-many-exports'
  | 'too-many-segments'
  | 'too-many-elements'
  | 'too-many-locals'
  | 'too-many-merges'
  | 'stack-too-high'
  | 'too-many-custom-sections';

/** Characters of a guest's name that a reason repeats. */
const NAME_SHOWN_CHARS_MAX = 64;

/** How the parser leaves a module in the middle. Admission's door makes a verdict of it; nobody else ever sees one. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** Byte of the module that it is about. */
  readonly offset: number;

  constructor(code: RefusalCode, reason: string, offset: number) {
    super(reason);
    this.code = code;
    this.offset = offset;
  }
}

/** A guest's name as a reason may repeat it: cut, quoted, nothing in it that a terminal obeys. */
export const quoted = (name: string): string => {
  const shown = name
    .slice(0, NAME_SHOWN_CHARS_MAX)
    .replaceAll(/[^\x20-\x7e]|["\\]/g, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${shown}"${name.length > NAME_SHOWN_CHARS_MAX ? '…' : ''}`;
};

export interface Limit {
  readonly most: number;
  readonly code: RefusalCode;
  /** What is counted, as a reason says it. */
  readonly of: string;
}

/** Refuses a count that is above its limit, with both figures. */
export const atMost = ({ most, code, of }: Limit, found: number, offset: number): void => {
  if (found > most) throw new Refusal(code, `It has ${found} ${of}; ${most} are the most.`, offset);
};
