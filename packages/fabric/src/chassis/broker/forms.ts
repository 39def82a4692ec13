/** The ways in which a secret may stand in a reply, as bytes to look for. */

export interface Forms {
  /** Looked for in the reply's bytes, case for case. */
  readonly exact: readonly Buffer[];
  /** In lower case; looked for in the reply in lower case. */
  readonly anyCase: readonly Buffer[];
  /** Of the longest form. */
  readonly bytesMax: number;
  /** Fills every form with zeros: each is the secret in other letters. */
  wipe(): void;
}

/**
 * Of a secret: itself, its UTF-8 where it was read as Latin-1, its UTF-16 in both orders, hexadecimal (any case); base64 and base64url at each of the three
 * places where a byte can begin in a group (RFC 4648 §4, §5). Percent, JSON and HTML escapes are undone in the reply.
 */
export const formsOf = (secret: Buffer): Forms => {
  const wide = Buffer.from(secret.toString('latin1'), 'utf16le');
  const swapped = Buffer.from(wide).swap16();
  // Bytes above ASCII as a server writes them that read them as Latin-1.
  const widened = Buffer.from(secret.toString('latin1'));
  const anyCase = [secret, widened, wide, swapped, Buffer.from(secret.toString('hex'))].map(
    lowerCase,
  );
  const exact = [0, 1, 2].flatMap((lead) => base64At(secret, lead));
  wide.fill(0);
  widened.fill(0);
  swapped.fill(0);
  return {
    exact,
    anyCase,
    bytesMax: Math.max(...[...exact, ...anyCase].map((form) => form.length)),
    wipe: () => {
      for (const form of [...exact, ...anyCase]) form.fill(0);
    },
  };
};

/** Letters of ASCII and Latin-1 in lower case, byte for byte. */
export const lowerCase = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1');

/**
 * The digits that the secret alone decides where `lead` bytes stand before it in its group: the digits at its two ends
 * hold bits of its neighbours too.
 */
const base64At = (secret: Buffer, lead: number): readonly Buffer[] => {
  const shifted = Buffer.concat([Buffer.alloc(lead), secret]);
  const first = Math.ceil((lead * 8) / 6);
  const end = Math.floor((shifted.length * 8) / 6);
  const forms = (['base64', 'base64url'] as const).map((alphabet) =>
    Buffer.from(shifted.toString(alphabet).slice(first, end)),
  );
  shifted.fill(0);
  const [standard, url] = forms;
  return standard !== undefined && url !== undefined && standard.equals(url) ? [standard] : forms;
};
