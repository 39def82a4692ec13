/** A realm's log with escalations in it and the feed over it, without the rest of a fabric, for tests of notifications. */
import { timestamp, type FeedFilter, type FeedItem } from '@infrafabric/protocol';
import { hash } from 'node:crypto';

import { memoryBlobs } from '../src/engine/blob-folder.ts';
import { callOf, type Committed } from '../src/engine/call.ts';
import { entryWriter } from '../src/engine/entry-writer.ts';
import { callText } from '../src/engine/entry-text.ts';
import { FeedHub } from '../src/engine/feed.ts';
import type { NotifyingFabric } from '../src/effects/notifications.ts';
import type { Journal } from '../src/ports/journal.ts';
import { trusted } from '../src/rooms/room.ts';

type Fields = Readonly<Record<string, unknown>>;
export type LoggedEvent = Fields & { readonly type: string };

/** Cannot be told from an escalation of the core by whoever reads the feed. */
export const raised = (escalationId: string, more: Fields = {}): LoggedEvent => ({
  details: { limitMicroUsd: 5_000_000 },
  escalationId,
  kind: 'breaker',
  severity: 'high',
  subject: 'session-4',
  summary: `The breaker of session-4 opened (${escalationId}).`,
  type: 'escalation.raised',
  ...more,
});

export const acknowledged = (escalationId: string): LoggedEvent => ({
  by: 'operator',
  escalationId,
  type: 'escalation.acknowledged',
});

/** Any other entry of a log. */
export const other = (): LoggedEvent => ({ reason: 'test', taskId: 'p/a', type: 'task.parked' });

export class EscalationLog implements NotifyingFabric {
  readonly realm = 'main';
  readonly origin = 'test.local/ifab/main';
  readonly #journal: Journal;
  readonly #hub: FeedHub;
  readonly #write = entryWriter();

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#hub = new FeedHub(journal, memoryBlobs());
    this.#hub.resync(journal.head().size);
  }

  figures(): { readonly size: number } {
    return { size: this.#journal.head().size };
  }

  get readers(): number {
    return this.#hub.readers;
  }

  feed(filter: FeedFilter, signal: AbortSignal): AsyncIterable<FeedItem> {
    return this.#hub.read(filter, signal);
  }

  /** One frame, one entry for each list of events; resolves when they are durable and the feed has them. */
  async append(...entries: readonly (readonly LoggedEvent[])[]): Promise<void> {
    const at = this.#journal.head();
    const committed = entries.map((events, n) => entryOf(at.size + n, events));
    const parts: Buffer[] = [];
    let leaf = at.leaf;
    for (const entry of committed) {
      const draft = this.#write(entry, leaf, callText(callOf(entry)));
      if (draft.kind !== 'draft') throw new Error(draft.detail);
      const bytes = Buffer.from(draft.text);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      parts.push(length, bytes);
      leaf = hash('sha256', Buffer.concat([Buffer.of(0), bytes]), 'base64');
    }
    const batch = {
      epoch: 1,
      count: entries.length,
      entries: Buffer.concat(parts),
      lastLeaf: leaf,
    };
    const appended = await this.#journal.append(at, batch);
    if (appended.kind !== 'appended') throw new Error('another writer');
    this.#hub.publish(committed, appended.head.size);
  }

  async raise(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.append([raised(id)]);
  }

  close(): Promise<void> {
    this.#hub.close();
    return this.#journal.close();
  }
}

/** The call of an entry says nothing to the feed: any that needs no capability will do. */
const entryOf = (index: number, events: readonly LoggedEvent[]): Committed =>
  trusted<Committed>({
    kind: 'committed',
    op: 'plans.pause',
    args: { planId: 'p' },
    cred: 'operator',
    ids: [],
    principal: 'operator',
    index,
    epoch: 1,
    at: timestamp(1_700_000_000_000 + index),
    events,
  });
