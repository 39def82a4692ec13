/**
 * Puts the runner's one file where the built package looks for it: beside `dist/chassis/runner-file.js`. After `tsc -b`.
 *
 *     node --conditions=source scripts/bundle-runner.ts
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundleRunner } from '@infrafabric/fabric/chassis';

const path = join(import.meta.dirname, '../packages/fabric/dist/chassis/runner.cjs');
await mkdir(dirname(path), { recursive: true });
const code = await bundleRunner();
await writeFile(path, code);
console.log(`${path}: ${Buffer.byteLength(code)} bytes`);
