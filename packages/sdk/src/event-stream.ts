// Server-sent events (WHATWG HTML §9.2.6), as much as a client of the feed needs.

/**
 * Characters of one event: far above one entry's 64 KiB of JSON. A server that sends more is not
 * ours.
 */
const EVENT_CHARS_MAX = 32 * 1024 * 1024;

export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Events of a byte stream. Comments are dropped; an event cut off by the end of the stream is not
 * delivered.
 */
export async function* eventsOf(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamEvent, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? '';
      if (rest.length > EVENT_CHARS_MAX) throw new Error('an event without an end');
      for (const block of blocks) {
        const parsed = parseBlock(block);
        if (parsed !== undefined) yield parsed;
      }
    }
  } finally {
    // Also when the consumer stops: the request must not run on.
    await reader.cancel().catch(() => undefined);
  }
}

function parseBlock(block: string): StreamEvent | undefined {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') };
}
