/** Arguments and answers that the tools of a lease's holder share. */
import { FencingToken, TaskId } from '@infrafabric/protocol';
import type { Grant, OutputOf } from '@infrafabric/protocol';
import type { JsonObject } from '../fit.ts';
import { grantView } from '../views.ts';

export const held = {
  taskId: TaskId,
  fencingToken: FencingToken.describe('From next_task or claim_task.'),
} as const;

/** A write belongs to the grant under which it is made. */
export const ownerOfHeld = (args: {
  readonly taskId: string;
  readonly fencingToken: string;
}): string => `${args.taskId}\n${args.fencingToken}`;

export const LEASE_WORDS =
  'Work on it now; call report_progress before leaseExpiresAt, then submit_task, fail_task or release_task.';

export const granted = (grant: Grant): JsonObject => ({
  ...grantView(grant),
  next:
    grant.scope.helps === undefined
      ? LEASE_WORDS
      : `It helps with blocker ${grant.scope.helps}, which show_status explains. ${LEASE_WORDS}`,
});

export const written = (
  output: Pick<OutputOf<'tasks.complete'>, 'taskId' | 'phase'>,
  next: string,
): JsonObject => ({
  taskId: output.taskId,
  phase: output.phase,
  next,
});
