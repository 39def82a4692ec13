/** What a JavaScript guest finds beside the language (docs/guides/guests.md). There is nothing else. */

interface HostRequest {
  readonly url: string;
  /** The grant to use; without one, that of the address's origin. */
  readonly alias?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bodies are base64, both ways. */
  readonly encoding?: 'base64';
}

interface HostResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the host's functions throw where they refuse: an error that says why, with a code for programs. */
interface HostRefusal extends Error {
  readonly code: string;
}

declare const host: {
  /** One request at a time, made by the host, which adds the secret of the grant. Throws HostRefusal. */
  http(request: HostRequest): HostResponse;
  /** What the embedder of the host offers. Throws HostRefusal where it offers nothing. */
  call(request: unknown): unknown;
  log(level: 'trace' | 'debug' | 'info' | 'warn' | 'error', ...values: unknown[]): void;
};

/** Lines of the run's log, by level; values that are no text are written as JSON. */
declare const console: Readonly<
  Record<'trace' | 'debug' | 'log' | 'info' | 'warn' | 'error', (...values: unknown[]) => void>
>;
