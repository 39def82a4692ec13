/** Every limit of the MCP surface, with its unit and its reason. */

/**
 * JSON of one result, bytes. Agent CLIs cut, save away or choke on more (one hung for 90 s on 300 kB); less would page
 * an ordinary task description.
 */
export const RESULT_BYTES_MAX = 8_192;
/** Wait of `next_task` where nobody says, ms. Shorter: more model turns spent on asking. At most WAIT_MS_MAX. */
export const WAIT_MS_DEFAULT = 20_000;
/** Between two signs of life of a wait, ms: the client with the shortest patience cuts at 60 s without any. */
export const PROGRESS_MS = 5_000;
/**
 * Lease of a task that is taken over MCP, ms. A model thinks and tests for minutes between two calls and cannot renew
 * meanwhile. Shorter: work is lost to expiry. Longer: a dead agent holds its task for longer, and beyond
 * SESSION_IDLE_MS its session is closed first.
 */
export const TOOL_LEASE_MS = 600_000;
/** Leases at one time of a session that does not say: one agent, one task. */
export const TOOL_LEASES_MAX = 1;
/** Rows of one page before the bytes are counted. */
export const PAGE_ROWS = 20;
/** Characters of a title in a list; the row's own page has all of it. */
export const LISTED_CHARS_MAX = 160;
/** One page of a long text as JSON, bytes: leaves the fields around it 1.5 kB below RESULT_BYTES_MAX. */
export const TEXT_BYTES_PER_PAGE = 6_500;
/** Pages of a listing that are searched for one row. Bounds one `show_status` to 10,000 sessions or blockers. */
export const SEARCH_PAGES_MAX = 10;
/** Body of one request, bytes: the largest evidence (200 artifacts) has 90 kB. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Time that a stdio server takes to end after a signal or the end of its input, ms. */
export const EXIT_MS_MAX = 1_000;
