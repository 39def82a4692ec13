/** A repeat of a call that was refused for good: the refusal is what its entry holds. */
import { reject, type ErrorCode, type Rejection } from '@infrafabric/protocol';

import { trusted } from '../rooms/room.ts';
import type { Committed } from './call.ts';

/** The refusal that an entry was written for, or undefined. */
export const keptRefusal = ({ events }: Committed): Rejection | undefined => {
  const [first] = events;
  switch (first?.type) {
    case 'write.refused':
      return reject(
        trusted<ErrorCode>(first.code),
        `The lease of ${first.taskId} with fence ${first.fence} had ended.`,
      );
    case 'claim.refused':
      return reject(trusted<ErrorCode>(first.code), first.detail);
    case 'policy.denied':
      return reject('policy.denied', `${first.action} ${first.subject}: ${first.reason}`);
    case 'run.refused':
      return reject(first.code, first.detail);
    default:
      return undefined;
  }
};
