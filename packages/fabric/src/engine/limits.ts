/** Every limit of the engine, with its unit and its reason. */

/** Most bytes of one spilled argument or event list. Bounds what a replay holds at once; larger ones come in parts. */
export const SPILL_BYTES_MAX = 16 * 1024 * 1024;
/** Calls that wait while the leader rebuilds its memory. More are told to come back: nothing queues without bound. */
export const PARKED_CALLS_MAX = 4_096;
/** What a caller is told to wait when the open batch is full, ms: a few syncs of a slow disk. */
export const OVERLOADED_RETRY_MS = 50;
/** What a caller is told to wait while the leader starts or rebuilds, ms. */
export const STARTING_RETRY_MS = 250;
/** How often a full disk is tried again, ms, and only when somebody asks. Less: a rebuild a call. More: a longer outage. */
export const FULL_PROBE_MS = 250;
/** Pause after a failed rebuild, ms, doubling up to the second figure. */
export const REBUILD_PAUSE_MS = 50;
export const REBUILD_PAUSE_MS_MAX = 2_000;
/** How long callers of a lost batch wait for a rebuild that would tell its outcome, ms; then they are told `unknown`. */
export const SETTLE_MS_MAX = 10_000;
/** A difference between the wall clock and the monotonic clock that is reported, ms. */
export const CLOCK_STEP_MS = 2_000;
/** Pause before an expiry is tried again that was refused although its time had come, ms. */
export const EXPIRY_RETRY_MS = 1_000;
/** Due deadlines decided before one command. The rest follow in the same turn, in order. */
export const EXPIRIES_PER_TURN_MAX = 10_000;
/** Waiting claim tickets. Each is about 300 bytes; beyond it a spawn storm is told to slow down. */
export const TICKETS_MAX = 200_000;
/** Items that a feed reader may be behind before it is dropped with its cursor. */
export const FEED_BUFFER_ITEMS_MAX = 4_096;
/** Open feed readers: each costs one filter a published event. */
export const FEED_READERS_MAX = 10_000;
/** One read of the journal: as large as two frames, so that a replay reads like a disk. */
export const READ_LIMIT = { bytes: 4 * 1024 * 1024, frames: 64 } as const;
/** Issues of a refused input that are named. More drown the first. */
export const ISSUES_MAX = 5;
/** How often a session should show itself, ms: three lost in a row leave it alive. */
export const HEARTBEAT_MS = 10_000;
/**
 * What one session may write at once, bytes: 16,000 claims, or a wave of long records. Less: an agent that takes a
 * thousand tasks in a second meets it. More: a worker in a loop fills more of the disk before it is slowed.
 */
export const QUOTA_BURST_BYTES = 8 * 1024 * 1024;
/**
 * What one session may write on and on, bytes a second: 2,000 claims, some hundred times what an agent does; at it one
 * worker needs seventeen minutes for a gigabyte, in which its session can be revoked.
 */
export const QUOTA_BYTES_PER_S = 1024 * 1024;
/** What a write counts for besides its arguments, bytes: an entry with its line of the index and its part of a tile. */
export const QUOTA_ENTRY_BYTES = 512;
/** Records and notes longer than this are bulk, bytes: below it they pass whatever else the session has stored. */
export const QUOTA_BULK_BYTES_MIN = 4_096;
/** Sessions remembered before those that wrote nothing lately are forgotten; each is about 150 bytes. */
export const QUOTA_SWEEP_SESSIONS_MIN = 1_024;
/**
 * Callers of a batch that may be synced inline: one, or a completion and whoever is given what it made ready. More:
 * callers stand still who could fill the next batch meanwhile.
 */
export const LONE_WAITERS_MAX = 2;
