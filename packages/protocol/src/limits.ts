/** Every limit of the public surface, with its unit and its reason. */

/** Longest lease. Longer: a dead agent holds its task longer. Renewals extend; nobody needs more in one grant. */
export const LEASE_MS_MAX = 3_600_000;
export const LEASE_MS_MIN = 100;
/** Lease where nobody asks for one: three lost renewals at one each ten seconds. */
export const LEASE_MS_DEFAULT = 30_000;
/** Failed attempts after which a task is parked instead of tried again. */
export const ATTEMPTS_MAX_DEFAULT = 5;
export const ATTEMPTS_MAX_MAX = 100;
/** Grants of one `tasks.next`: one entry holds about 200 of them. */
export const GRANTS_MAX = 100;
/** Leases of one session at a time. */
export const SESSION_LEASES_MAX = 1_000;
/**
 * Open sessions of a realm: twice what one leader has been asked to serve. More: a caller that opens them in a loop fills
 * the leader's memory, as nothing ends them before SESSION_IDLE_MS. Fewer: large fleets meet it.
 */
export const SESSIONS_OPEN_MAX = 20_000;
/** Longest wait of one call. Twice 25 s fits the 60 s after which proxies and agent CLIs cut. */
export const WAIT_MS_MAX = 25_000;
/** Tasks of one `plans.submit` or `plans.edit`; larger plans come in parts. Bounds the leader's longest decision. */
export const PLAN_TASKS_PER_CALL_MAX = 20_000;
export const PHASES_MAX = 1_000;
export const DEPENDENCIES_MAX = 1_000;
export const PATHS_MAX = 100;
export const CAPABILITIES_MAX = 200;
export const LABELS_MAX = 50;
export const GATES_MAX = 50;
export const ARTIFACTS_MAX = 200;
/** Characters of a title, a reason or a note. */
export const TITLE_CHARS_MAX = 500;
export const REASON_CHARS_MAX = 2_000;
/** Characters of a description: the longest of the real plans has 7,527. */
export const DESCRIPTION_CHARS_MAX = 20_000;
export const COMMAND_CHARS_MAX = 20_000;
/** Life of a session's token, ms; a heartbeat past half of it brings a new one. */
export const SESSION_TOKEN_MS = 3_600_000;
/** A session of which nothing was seen for this long is closed and its leases end. */
export const SESSION_IDLE_MS = 900_000;
/** Rows of one page of a listing. */
export const PAGE_ROWS_MAX = 1_000;
/** Bytes of one request's body: a plan part of 20,000 tasks with descriptions fits. */
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** Nesting of one request's JSON; deeper is an attack on parsers. */
export const JSON_DEPTH_MAX = 64;

/** Swarms of a realm: twice what the match index was measured with. More: a caller that registers in a loop fills memory. */
export const SWARMS_MAX = 20_000;
/** Capabilities that a realm defines besides the built-in ones. */
export const CAPABILITIES_DEFINED_MAX = 10_000;
/** Waiting sessions that a raised blocker looks at for helpers; the engine names the best ones. Each is journaled. */
export const HELP_CANDIDATES_MAX = 64;
/** Longest and shortest time after which a blocker that nobody resolved goes to a person. */
export const ESCALATE_MS_MAX = 7 * 86_400_000;
export const ESCALATE_MS_MIN = 1_000;
/** Dearest single record of usage: a million dollars. More is a mistake in its unit. */
export const USAGE_MICRO_USD_MAX = 1_000_000_000_000;

/** Contracts of a realm: half as many as it may have swarms. More: a caller that accepts them in a loop fills memory. */
export const CONTRACTS_MAX = 10_000;
/** Notes of one `runs.note`: about 30 KB of an entry. */
export const RUN_NOTES_PER_CALL_MAX = 100;
/** Notes of one run that the log keeps one by one; beyond them it keeps their number. More: a guest that floods fills the log. */
export const RUN_NOTES_MAX = 200;
/** Characters of what is said of a run: how it failed, in the guest's own words at worst. */
export const RUN_DETAIL_CHARS_MAX = 500;
/**
 * How long after the end of its lease a run may still be told of, ms. Longer: it counts as open though nobody may act under
 * its lease. Shorter: what was measured of a run that was killed with its lease is lost on a slow way to the leader.
 */
export const RUN_ORPHAN_MS = 60_000;
/** Runs that an SLO is measured on, the newest, and how long they count (CH-21). */
export const SLO_RUNS_MAX = 1_000;
export const SLO_WINDOW_DAYS = 30;
/** Runs below which a figure says nothing: one failure among them would be more than five per cent. */
export const SLO_RUNS_MIN = 20;
/** Values of a reputation that are kept, the newest. */
export const REPUTATION_HISTORY_MAX = 100;
