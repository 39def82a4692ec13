/** Which leases an event ends: other rooms act on the end of a lease, whatever ended it. */
import type { DomainEvent } from './events.ts';

/** Tasks whose leases an event ends, if they were leased. */
export const leasesEndedBy = (event: DomainEvent): readonly string[] => {
  switch (event.type) {
    case 'task.completed':
    case 'task.submitted':
    case 'task.released':
    case 'task.failed':
    case 'lease.expired':
    case 'task.parked':
    case 'task.cancelled':
      return [event.taskId];
    case 'session.closed':
      return event.released;
    case 'plan.cancelled':
      return event.ended;
    case 'blocker.raised':
      return event.released ? [event.taskId] : NONE;
    default:
      return NONE;
  }
};

const NONE: readonly string[] = [];
