/**
 * What other rooms say of a grant before it is made. A room that hands out tasks asks the gate and knows nothing of money,
 * breakers or policy; whoever composes the command makes the gate and appends what it has to say to the entry.
 */
import type { Rejection, TaskSpec } from '@infrafabric/protocol';

/** A task that may be granted. */
export interface GateTask {
  readonly taskId: string;
  readonly planId: string;
  readonly spec: TaskSpec;
  readonly fence: number;
  readonly attempt: number;
  readonly priority: number;
  readonly isHelp: boolean;
  readonly matchPermille: number;
}

export interface GrantGate {
  /** Why the session may have nothing at all now. */
  readonly closed: Rejection | undefined;
  /** Why this task may not be granted, after what `take` has granted already. */
  refuse(task: GateTask): Rejection | undefined;
  /** The task is granted. */
  take(task: GateTask): void;
}

export const OPEN_GATE: GrantGate = {
  closed: undefined,
  refuse: () => undefined,
  take: () => undefined,
};
