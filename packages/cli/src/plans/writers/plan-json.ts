/** A plan as JSON for people and for a second import: two spaces, one field a line, fields in the order of the format. */
import { printableJson } from '../report/printable.ts';
import type { PlanSpec } from '@infrafabric/protocol';

export const planToJson = (plan: PlanSpec): string =>
  `${printableJson(JSON.stringify({ format: 'ifab-plan/1', ...plan }, undefined, 2))}\n`;
