import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScenario } from '@infrafabric/testkit';

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', 'tests', 'scenarios');

describe('scenarios: what is written is what happens', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    test(`the scenario ${file}`, async () => {
      const path = join(FOLDER, file);
      await expect(runScenario(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path);
    });
  }
});
