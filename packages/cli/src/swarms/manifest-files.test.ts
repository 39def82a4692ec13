/** Manifests as files: the published schema, the example, and what a wrong one is told. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { PlanIssue } from '../plans/issues.ts';
import {
  findManifest,
  MANIFEST_BYTES_MAX,
  ManifestFault,
  parseManifest,
  readManifest,
} from './read-manifest.ts';
import { swarmJsonSchemaText } from './schema.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const root = mkdtempSync(join(tmpdir(), 'ifab-manifest-'));
afterAll(() => rmSync(root, { recursive: true }));

const none = (): boolean => false;
const issuesOf = (text: string): readonly PlanIssue[] => {
  const read = parseManifest(text, none);
  return read.kind === 'refused' ? read.issues : [];
};
/** A new folder with this manifest in it. */
const folderWith = (name: string, text: string | Uint8Array): string => {
  const folder = mkdtempSync(join(root, 'repo-'));
  writeFileSync(join(folder, name), text);
  return folder;
};
const ONE = 'swarm_id: a\ncapabilities: [cli:design]\ncost_per_hour: 2.00\n';

test('the JSON Schema in the reference is the one of the manifests', async () => {
  await expect(swarmJsonSchemaText()).toMatchFileSnapshot(
    resolve(ROOT, 'docs/reference/swarm.schema.json'),
  );
});

test('the example holds seven swarms, the costs of the first manifest among them', async () => {
  const profiles = await readManifest(resolve(ROOT, 'examples/swarms.yaml'), none);
  expect(profiles).toHaveLength(7);
  const money = Object.fromEntries(
    profiles.map(({ swarmId, costPerHourMicroUsd, limitMicroUsd }) => [
      swarmId,
      [costPerHourMicroUsd, limitMicroUsd],
    ]),
  );
  expect(money).toMatchObject({
    'session-1-ndi': [2_000_000, 40_000_000],
    'session-4-sip': [2_000_000, 40_000_000],
    'session-7-ifbus': [15_000_000, 100_000_000],
    'local-docs': [0, 1_000_000],
  });
});

describe('a wrong manifest is told where and how', () => {
  test('with the field, the line, and the word that was meant', () => {
    const text = [
      'swarm_profiles:',
      '  ndi:',
      '    capabilities: [cli:design, integration:nid]',
      '    cost_per_hour: 2',
      '  sip:',
      '    capabilities: [integration:sip]',
      '    cost_per_hour: 2',
    ].join('\n');
    expect(issuesOf(text)).toEqual([
      {
        path: 'swarm_profiles.ndi.capabilities[1]',
        line: 3,
        what: 'nobody has defined the capability “integration:nid”',
        mend: 'did you mean “integration:ndi”? take a built-in one, or define it first',
      },
    ]);
    expect(issuesOf(`${ONE}cost_per_hours: 3\n`)).toMatchObject([
      { path: 'cost_per_hours', line: 4, what: 'is no field here' },
    ]);
    expect(issuesOf(`${ONE}cost_per_hours: 3\n`)[0]?.mend).toContain('“cost_per_hour”');
    expect(issuesOf('{"swarm_id":"a","capabilities":["cli:design"],"cost_per_hour":-1}')).toEqual([
      { path: 'cost_per_hour', line: 1, what: 'is negative', mend: 'at least 0' },
    ]);
  });

  test.each([
    ['nothing', ''],
    ['two documents', '---\na: 1\n---\nb: 2\n'],
    ['no YAML', 'a: [1\nb: }'],
    ['a bomb of aliases', bomb()],
    ['brackets without end', '['.repeat(10_000)],
  ])('%s', (_what, text) => {
    const issues = issuesOf(text);
    expect(issues.length).toBeGreaterThan(0);
    for (const { mend } of issues) expect(mend).toContain('examples/swarms.yaml');
  });

  test('a value of YAML that is no finite number is no money', () => {
    for (const value of ['.inf', '.nan', '-.inf', '1e400', '"2.00"', '2.0000001', 'true']) {
      expect(
        issuesOf(`${ONE}budget: ${value}\n`).map(({ path }) => path),
        value,
      ).toEqual(['budget']);
    }
  });
});

/** Nine levels of nine aliases: 387 million nodes once unfolded. */
function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, at) => {
    const inner = at === 0 ? '"x"' : `*l${at - 1}`;
    return `l${at}: &l${at} [${Array<string>(9).fill(inner).join(', ')}]`;
  });
  return levels.join('\n');
}

describe('the manifest of a repository', () => {
  test('is the file of that name at its root, in YAML or JSON', async () => {
    expect(await findManifest(folderWith('ifab-swarm.yaml', ONE), none)).toMatchObject({
      name: 'ifab-swarm.yaml',
      profiles: [{ swarmId: 'a', costPerHourMicroUsd: 2_000_000 }],
    });
    const json = '{"swarm_id":"b","capabilities":["cli:design"],"cost_per_hour":0}';
    expect(await findManifest(folderWith('ifab-swarm.json', json), none)).toMatchObject({
      profiles: [{ swarmId: 'b' }],
    });
    expect(await findManifest(mkdtempSync(join(root, 'none-')), none)).toBeUndefined();
  });

  test('is never somebody else’s file behind a link', async () => {
    const folder = mkdtempSync(join(root, 'link-'));
    symlinkSync(
      join(folderWith('secret.yaml', ONE), 'secret.yaml'),
      join(folder, 'ifab-swarm.yaml'),
    );
    expect(await findManifest(folder, none)).toBeUndefined();
  });

  test.each([
    ['too large', 'x'.repeat(MANIFEST_BYTES_MAX + 1), 'bytes'],
    ['not UTF-8', Buffer.from([0x61, 0xff, 0xfe]), 'UTF-8'],
    ['wrong', 'swarm_id: a\n', 'is missing'],
  ])('that is %s is refused, and not passed over', async (_what, text, says) => {
    const fault = await findManifest(folderWith('ifab-swarm.yaml', text), none).catch(
      (cause: unknown) => cause,
    );
    expect(fault).toBeInstanceOf(ManifestFault);
    expect((fault as ManifestFault).issues[0]?.what).toContain(says);
  });

  test('that is a folder or a pipe is refused at once', async () => {
    const folder = mkdtempSync(join(root, 'folder-'));
    mkdirSync(join(folder, 'ifab-swarm.yaml'));
    await expect(findManifest(folder, none)).rejects.toThrow(ManifestFault);
    const pipe = mkdtempSync(join(root, 'pipe-'));
    execFileSync('mkfifo', [join(pipe, 'ifab-swarm.yaml')]);
    await expect(findManifest(pipe, none)).rejects.toThrow(ManifestFault);
  });
});
