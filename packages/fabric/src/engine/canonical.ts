/**
 * Canonical JSON (RFC 8785, integers only) of parsed values: members that are undefined are left out, keys ascend by
 * UTF-16 code units. One pass, without a sorted copy; `tlog` holds the same text to the same rules when it is read.
 */

/** A value without canonical text came in from outside: a lone surrogate, a fraction, a key like an array index. */
export class NotCanonical extends Error {
  override readonly name = 'NotCanonical';
}

const INDEX_LIKE = /^(?:0|[1-9]\d*)$/;

/** Throws NotCanonical; the caller answers `request.invalid`. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0))
      throw new NotCanonical('a number is not an integer');
    return `${value}`;
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return 'null';
  if (Array.isArray(value)) return listText(value);
  if (typeof value === 'object') return objectText(value);
  throw new NotCanonical(`a ${typeof value} is no JSON`);
}

const stringText = (value: string): string => {
  if (!value.isWellFormed()) throw new NotCanonical('a string holds a lone surrogate');
  return JSON.stringify(value);
};

const listText = (list: readonly unknown[]): string => {
  let text = '[';
  for (const [i, member] of list.entries()) text += (i === 0 ? '' : ',') + canonicalText(member);
  return `${text}]`;
};

const objectText = (object: object): string => {
  const members = new Map<string, unknown>(Object.entries(object));
  let text = '';
  for (const key of [...members.keys()].toSorted(byCodeUnit)) {
    const member = members.get(key);
    if (member === undefined) continue;
    if (INDEX_LIKE.test(key)) throw new NotCanonical('a key looks like an array index');
    text += `${text === '' ? '{' : ','}${stringText(key)}:${canonicalText(member)}`;
  }
  return text === '' ? '{}' : `${text}}`;
};

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : 1);
