/** From events of the log to what notifiers are told. */
import type { FeedItem } from '@infrafabric/protocol';
import { z } from 'zod';

import type { Notice } from '../ports/notifier.ts';

export const RAISED = 'escalation.raised';
export const ACKNOWLEDGED = 'escalation.acknowledged';

/** Fits a shell's word and a header as it is: the id stands in a command line that people copy. */
const Id = z.string().regex(/^esc_[0-9A-Za-z.]{1,40}$/);
/** What no field of an escalation comes near; a longer text is cut, so that no receiver refuses it. */
const TEXT_CHARS_MAX = 2_000;
const text = z.string().transform((value) => shortened(value));
const Detail = z.union([text, z.number(), z.boolean(), z.null()]);

/** Lenient: an alert that is a little strange is better than none. */
const Raised = z.object({
  escalationId: Id,
  kind: text,
  severity: z.enum(['warn', 'high']).catch('high'),
  subject: text,
  summary: text,
  details: z.record(z.string(), Detail).catch({}).default({}),
});

const Acknowledged = z.object({ escalationId: Id });

/** Which realm speaks. */
export interface Sender {
  readonly realm: string;
  readonly origin: string;
}

/** The notice of an `escalation.raised`, or undefined where the event is none that this release can read. */
export const noticeOf = (item: FeedItem, { realm, origin }: Sender): Notice | undefined => {
  const parsed = Raised.safeParse(item.event);
  if (!parsed.success) return undefined;
  const { escalationId, ...rest } = parsed.data;
  return {
    ...rest,
    id: escalationId,
    realm,
    origin,
    at: item.at,
    acknowledge: `ifab escalation ack ${escalationId}`,
    index: item.index,
  };
};

/** Which escalation an `escalation.acknowledged` ends. */
export const acknowledgedId = (item: FeedItem): string | undefined =>
  Acknowledged.safeParse(item.event).data?.escalationId;

const shortened = (value: string): string =>
  value.length <= TEXT_CHARS_MAX ? value : `${value.slice(0, TEXT_CHARS_MAX - 1)}…`;
