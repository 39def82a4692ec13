import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** What this test reads of a package.json. */
interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, { readonly source: string }>>;
}

function readManifest(folder: string): Manifest {
  // JSON has no type of its own; the assertions below fail on any other shape.
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return manifest;
}

/** Names that a source file exports, types too: what a reader of the file sees after `export`. */
function exportedNames(source: string): readonly string[] {
  const names = new Set<string>();
  for (const match of source.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm)) {
    for (const part of (match[1] ?? '').replaceAll(/\/\/.*$|\/\*.*?\*\//gms, '').split(',')) {
      const name = part.trim().split(/\s+/).at(-1);
      if (name !== undefined && name !== '') names.add(name);
    }
  }
  const declaration =
    /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type)\s+([\w$]+)/gm;
  for (const match of source.matchAll(declaration)) if (match[1] !== undefined) names.add(match[1]);
  // Code units, not a locale: the same order on every machine.
  return [...names].filter((name) => !name.startsWith('unstable_')).toSorted();
}

test('every exported name of a published package is in exports.txt', async () => {
  const packages = join(root, 'packages');
  const lines: string[] = [];
  for (const folder of readdirSync(packages).toSorted()) {
    const manifest = readManifest(join(packages, folder));
    if (manifest.private === true) continue;
    expect(manifest.exports, `${folder}/package.json has no exports`).toBeDefined();
    for (const [subpath, { source }] of Object.entries(manifest.exports ?? {})) {
      const text = readFileSync(join(packages, folder, source), 'utf8');
      expect(text, `${folder}/${source} must name each export`).not.toMatch(/^export\s+\*/m);
      lines.push(`# ${join(manifest.name, subpath)}`, ...exportedNames(text), '');
    }
  }
  await expect(lines.join('\n')).toMatchFileSnapshot('exports.txt');
});
