/** The witness keeps no state of its own: what it records is the entry. */
import { accept } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';

export const decideRecord = (command: Command<ArgsOf<'witness.record'>>): Decision => {
  const { component, operation, params, severity } = command.args;
  return accept({
    component,
    operation,
    ...(params === undefined ? {} : { params }),
    severity: severity ?? 'info',
    type: 'witness.recorded',
  });
};
