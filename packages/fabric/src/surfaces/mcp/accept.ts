/**
 * Whether an Accept header takes both JSON and a stream of events, in any order, case and with any parameters
 * (RFC 9110 §12.5.1). No header takes everything.
 */
export function acceptsBoth(accept: string | undefined): boolean {
  if (accept === undefined) return true;
  const ranges = accept.split(',').map(rangeOf);
  return ['application/json', 'text/event-stream'].every((type) => weightOf(type, ranges) > 0);
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
