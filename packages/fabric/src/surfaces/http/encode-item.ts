import type { FeedItem } from '@infrafabric/protocol';

const encoded = new WeakMap<FeedItem, string>();

/**
 * JSON of an item, made once however many readers it goes to: encoding is what fan-out would else
 * pay per reader.
 */
export function encodeItem(item: FeedItem): string {
  const known = encoded.get(item);
  if (known !== undefined) return known;
  const text = JSON.stringify(item);
  encoded.set(item, text);
  return text;
}
