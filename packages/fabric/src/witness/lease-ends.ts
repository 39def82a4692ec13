/** Which leases an event ends, as who tries to disprove a log counts them: core has a list of its own. */
import type { DomainEvent } from '@infrafabric/core';

/** Tasks whose lease an event ends, if they had one. */
export const leasesEndedBy = (event: DomainEvent): readonly string[] => {
  switch (event.type) {
    case 'task.completed':
    case 'task.submitted':
    case 'task.released':
    case 'task.failed':
    case 'task.parked':
    case 'task.cancelled':
    case 'lease.expired':
      return [event.taskId];
    case 'session.closed':
      return event.released;
    case 'plan.cancelled':
      return event.ended;
    case 'blocker.raised':
      return event.released ? [event.taskId] : [];
    default:
      return [];
  }
};
