/** Lays the breach runner out as one file of plain JavaScript, as the runner itself is. */
import { readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';

const NAME = 'worker';
/** What it is called in a report of processes. */
const STAGED = 'breach-runner';

/** The staged file's path. From sources its types are blanked out; what was built has none. */
export const stageBreachRunner = async (folder: string): Promise<string> => {
  const extension = extname(import.meta.filename);
  const source = await readFile(join(import.meta.dirname, `${NAME}${extension}`), 'utf8');
  const staged = join(folder, `${STAGED}.mjs`);
  await writeFile(staged, extension === '.ts' ? stripTypeScriptTypes(source) : source);
  return staged;
};
