const ANSWERS = ['application/json', 'text/event-stream'] as const;

/**
 * Which of our two kinds of answer an Accept header takes, in the order and words that the transport compares with: a
 * header may have any order, case, wildcard and weight (RFC 9110 §12.5.1). No header takes everything.
 */
export function acceptedOf(accept: string | undefined): string {
  if (accept === undefined) return ANSWERS.join(', ');
  const ranges = accept.split(',').map(rangeOf);
  const taken = ANSWERS.filter((type) => weightOf(type, ranges) > 0);
  return taken.length === 0 ? 'none/none' : taken.join(', ');
}

interface Range {
  readonly range: string;
  readonly weight: number;
}

function rangeOf(text: string): Range {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length);
  return { range, weight: weight === undefined ? 1 : Number(weight) };
}

// The most specific range decides: a weight of 0 refuses a type that a wildcard would take.
function weightOf(type: string, ranges: readonly Range[]): number {
  const [family = ''] = type.split('/');
  for (const name of [type, `${family}/*`, '*/*']) {
    const found = ranges.find(({ range }) => range === name);
    if (found !== undefined) return found.weight;
  }
  return 0;
}
