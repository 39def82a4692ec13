/**
 * The blocker of seed 002 (“Gang Up on the Blocker”), run by the real engine in simulated time: session 4 (SIP) holds
 * a task that sessions 1 to 3 (NDI, WebRTC, H.323) wait for. Inputs are the hours, prices, budgets and capabilities that
 * the seed names; every figure that comes out is read from the log (`storyFigures`).
 *
 * - `alone`: session 4 builds all three bridges, 8 hours. The others wait.
 * - `help`: it says what it needs; who has that and waits is leased a side (4, 5, 6 hours), while it coordinates and
 *   integrates (6 hours).
 * - `blind`: the proof of concept. Everybody helps somewhere, and nobody looks who can: whoever lacks what a side needs
 *   spends its hours and hands in nothing. The seed gives no hours for a part of the bridges, so while one side is
 *   missing session 4 needs the whole 8.
 */
import { storyFigures, type StoryFigures } from './blocker-figures.ts';
import { BLOCKED_TASK, BlockerStage, type Sent } from './blocker-stage.ts';

/** 002, lines 712–745. */
const ALONE_HOURS = 8;
const INTEGRATION_HOURS = 6;

export interface StorySide {
  readonly key: string;
  readonly agent: string;
  readonly need: string;
  readonly hours: number;
}
export const STORY_SIDES: readonly StorySide[] = [
  { key: 'ndi', agent: 'session-1-ndi', need: 'integration:ndi', hours: 4 },
  { key: 'webrtc', agent: 'session-2-webrtc', need: 'integration:webrtc', hours: 5 },
  { key: 'h323', agent: 'session-3-h323', need: 'integration:h323', hours: 6 },
];

export type StoryKind = 'alone' | 'help' | 'blind';

export interface Story extends StoryFigures {
  readonly kind: StoryKind;
  /** Of blind help: which agent was sent to which side. */
  readonly sent?: Readonly<Record<string, string>>;
}

/** Every way in which three sessions can be sent to three sides, one each: `order[i]` is the side of session i + 1. */
export const BLIND_ORDERS: readonly (readonly number[])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** Runs the story to its end. `order` is of blind help only. */
export async function blockerStory(kind: StoryKind, order: readonly number[] = []): Promise<Story> {
  const stage = await BlockerStage.open(STORY_SIDES);
  const sent = STORY_SIDES.map((side, i): Sent => ({
    side,
    to: STORY_SIDES[order[i] ?? i] ?? side,
  }));
  await stage.prepare();
  if (kind === 'alone') await stage.raise();
  if (kind === 'help') await stage.gangUp();
  if (kind === 'blind') await stage.sendBlindly(sent);
  // Blind help that hits by chance is as good as any.
  const isHelped =
    kind === 'help' || (kind === 'blind' && sent.every(({ side, to }) => side === to));
  await stage.work(isHelped ? INTEGRATION_HOURS : ALONE_HOURS);
  const needs = new Map(STORY_SIDES.map(({ key, need }) => [`phase-4/${key}-side`, need]));
  const figures = storyFigures(await stage.close(), { blocked: BLOCKED_TASK, needs });
  if (kind !== 'blind') return { kind, ...figures };
  return {
    kind,
    sent: Object.fromEntries(sent.map(({ side, to }) => [side.agent, to.key])),
    ...figures,
  };
}
