import { expect, test } from 'vitest';
import { currentEnvironment } from './config.ts';

test('the environment is the process’s own: what a store of secrets takes out of it, no child inherits', () => {
  expect(currentEnvironment()).toBe(process.env);
});
