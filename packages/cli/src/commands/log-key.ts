/** A vkey is `name+id+key` (C2SP signed-note); the log's key has the log's origin as its name. */
export const originOf = (vkey: string): string => vkey.split('+', 1)[0] ?? '';
