import type { FeedItem, Grant, Problem } from '@infrafabric/protocol';
import type { Answer } from './transport.ts';

/** What the fabric sends on `/v1/connect`; the id is of the frame that it answers. */
export interface ServerFrame {
  readonly id?: number | string;
  readonly ok?: unknown;
  readonly index?: number;
  readonly problem?: Problem;
  readonly item?: FeedItem;
  readonly grants?: readonly Grant[];
  readonly end?: { readonly cursor?: string; readonly problem?: Problem };
}

/** The frames of one message. Their shape is the fabric's word, as its outputs are the registry's. */
export function parseFrames(message: string): readonly ServerFrame[] {
  const frames: ServerFrame | readonly ServerFrame[] = JSON.parse(message);
  return isMany(frames) ? frames : [frames];
}

export function answerOf({ ok, index, problem }: ServerFrame): Answer {
  if (problem !== undefined) return { kind: 'problem', problem };
  return index === undefined ? { kind: 'ok', output: ok } : { kind: 'ok', output: ok, index };
}

function isMany(frames: ServerFrame | readonly ServerFrame[]): frames is readonly ServerFrame[] {
  return Array.isArray(frames);
}
