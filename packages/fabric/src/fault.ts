import type { ErrorCode } from '@infrafabric/protocol';

export interface FaultContext {
  /** Whether the same call may work later without anybody repairing anything. */
  readonly transient: boolean;
  /** For the log and for people, never for a caller: what was tried, on which file, at which offset. */
  readonly detail: string;
  readonly cause?: unknown;
}

/**
 * The world broke: a disk, a broker, another process. Thrown by adapters, never by `core`, and named by a code of
 * the catalogue. A no that is nobody's fault is a rejection (a value); a fault of our own is a failed assertion.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: ErrorCode;
  readonly transient: boolean;
  readonly detail: string;

  constructor(code: ErrorCode, context: FaultContext) {
    super(
      `${code}: ${context.detail}`,
      context.cause === undefined ? undefined : { cause: context.cause },
    );
    this.code = code;
    this.transient = context.transient;
    this.detail = context.detail;
  }
}
