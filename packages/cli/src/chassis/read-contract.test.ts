import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contractJsonSchemaText } from './contract-schema.ts';
import { readContract } from './read-contract.ts';

const CONTRACT = {
  contractVersion: 1,
  provider: 'acme',
  swarmId: 'session-4-sip',
  version: '1.4.0',
  module: { digest: `sha256:${'a'.repeat(64)}`, abi: 'json', entrypoints: ['run'] },
};
const text = (more: object): string => JSON.stringify({ ...CONTRACT, ...more }, undefined, 2);
const issuesOf = (written: string) => {
  const read = readContract(written);
  return read.kind === 'refused' ? read.issues : [];
};

test('a contract that leaves everything out grants nothing and isolates at level 3', () => {
  const read = readContract(text({}));
  expect(read).toMatchObject({
    kind: 'contract',
    contract: { http: [], secrets: [], hostFunctions: [], minLevel: 3, reuse: 'run' },
  });
});

test('shares are written as decimals and kept as whole ten-thousandths, digit by digit', () => {
  const guarantees = { successRateMin: 0.95, availabilityMin: 0.9999, latencyP99Ms: 5 };
  const reputation = { missPenalty: 0.07, successGain: 0 };
  expect(readContract(text({ guarantees, reputation }))).toMatchObject({
    contract: {
      guarantees: { successPermyriadMin: 9_500, availabilityPermyriadMin: 9_999, latencyP99Ms: 5 },
      reputation: { missPenaltyPermyriad: 700, successGainPermyriad: 0 },
    },
  });
  expect(readContract(text({}))).toMatchObject({
    contract: { reputation: { missPenaltyPermyriad: 500, successGainPermyriad: 100 } },
  });
  expect(issuesOf(text({ guarantees: { successRateMin: 0.99999 } }))).toMatchObject([
    { path: 'guarantees.successRateMin', what: 'it is no share with four decimals at most' },
  ]);
  const twice = { successRateMin: 1, successPermyriadMin: 1 };
  expect(issuesOf(text({ guarantees: twice }))).toMatchObject([
    { path: 'guarantees.successPermyriadMin', what: 'it says successRateMin again' },
  ]);
});

test('whether a file names the memory of a run is known, the default apart', () => {
  expect(readContract(text({}))).toMatchObject({ namesMemory: false });
  expect(readContract(text({ limits: { cpuMsMax: 5 } }))).toMatchObject({ namesMemory: false });
  expect(readContract(text({ limits: { memoryMibMax: 256 } }))).toMatchObject({
    namesMemory: true,
  });
});

test('YAML is read, too', () => {
  const yaml = `contractVersion: 1\nprovider: acme\nswarmId: s\nversion: 1.0.0\nmodule: {digest: "sha256:${'a'.repeat(64)}", abi: js, entrypoints: [run]}\n`;
  expect(readContract(yaml).kind).toBe('contract');
});

test.each([
  ['an unknown key', { limit: {} }, 'limit', 'is no field here', 'did you mean “limits”?'],
  [
    'a field of the seeds',
    { guarantees: { p99: 1 } },
    'guarantees.p99',
    'no field',
    'latencyP99Ms',
  ],
  [
    'a wrong reputation key',
    { reputation: { decay: 1 } },
    'reputation.decay',
    'no field',
    'missPenalty',
  ],
  ['no version', { version: undefined }, 'version', 'is missing', '1.4.0'],
  ['a wrong type', { provider: 4 }, 'provider', 'not of the right type', 'name who answers'],
  [
    'a share above one',
    { guarantees: { successRateMin: 2 } },
    'guarantees.successRateMin',
    'no share',
    'from 0 to 1',
  ],
  [
    'no entrypoint',
    { module: { ...CONTRACT.module, entrypoints: [] } },
    'module.entrypoints',
    'smaller',
    'at least 1',
  ],
  [
    'a raw secret for a reference',
    { secrets: [{ alias: 'k', ref: 'hunter2', inject: { header: 'a' } }] },
    'secrets[0].ref',
    'reference of the form',
    'never stands here',
  ],
  [
    'an injection of no known way',
    { secrets: [{ alias: 'k', ref: 'vault://a#b', inject: {} }] },
    'secrets[0].inject',
    'none of the allowed shapes',
    '"basic"',
  ],
  [
    'an origin with a path',
    { http: [{ alias: 'a', origin: 'https://h/x', methods: ['GET'], pathPrefix: '/' }] },
    'http[0].origin',
    'not an origin',
    'scheme, host and port',
  ],
  [
    'an unknown abi',
    { module: { ...CONTRACT.module, abi: 'wit' } },
    'module.abi',
    'none of the allowed',
    'extism',
  ],
])('%s is named with its place and how to mend it', (_what, more, path, what, mend) => {
  const issue = issuesOf(text(more)).find((one) => one.path === path);
  expect(issue?.what).toContain(what);
  expect(issue?.mend).toContain(mend);
  expect(issue?.line).toBeGreaterThan(0);
});

test.each([
  [{ hostFunctions: ['exec'] }, 'hostFunctions[0]', 'none of the allowed', 'log, http, call'],
  [{ limits: { cpuMsMax: 0 } }, 'limits.cpuMsMax', 'smaller', 'at least 1'],
  [{ limits: { cpuMsMax: 1e9 } }, 'limits.cpuMsMax', 'larger', 'at most 3600000'],
  [{ limits: { cpu: 1 } }, 'limits.cpu', 'no field', 'cpuMsMax'],
  [{ module: { ...CONTRACT.module, sha256: 'a' } }, 'module.sha256', 'no field', 'digest'],
  [{ http: [{ host: 'h' }] }, 'http[0].host', 'no field', 'origin'],
  [{ secrets: [{ token: 't' }] }, 'secrets[0].token', 'no field', 'ref'],
  [
    { secrets: [{ inject: { header: 'x', extra: 1 } }] },
    'secrets[0].inject.extra',
    'no field',
    'basic',
  ],
  [{ minLevel: 4 }, 'minLevel', 'larger', 'at most 3'],
  [{ provider: '' }, 'provider', 'not a provider', 'who answers'],
])('%j is explained', (more, path, what, mend) => {
  const issue = issuesOf(text(more)).find((one) => one.path === path);
  expect(issue?.what).toContain(what);
  expect(issue?.mend).toContain(mend);
});

test('a file that is no object is refused with what is missing', () => {
  expect(issuesOf('[]').length).toBeGreaterThan(0);
  expect(issuesOf('"text"').length).toBeGreaterThan(0);
});

test('an alias twice, a secret without its grant, and grants without http are refused together', () => {
  const grant = { alias: 'a', origin: 'https://h', methods: ['GET'], pathPrefix: '/' };
  const secret = { alias: 'b', ref: 'vault://x#y', inject: { query: 'k' } };
  const whats = issuesOf(text({ http: [grant, grant], secrets: [secret] })).map(({ what }) => what);
  expect(whats).toEqual([
    'a is granted twice',
    'there is no http grant b that it belongs to',
    'http grants need the host function http',
  ]);
});

test('values of a wrong contract are never repeated: one may be a secret in the wrong place', () => {
  const said = JSON.stringify(
    issuesOf(text({ secrets: [{ alias: 'k', ref: 'hunter2-secret', inject: { header: 'a' } }] })),
  );
  expect(said).not.toContain('hunter2');
});

test.each(['', '   \n', '{"a":', '- 1\n- 2', 'a: &a [*a]'])(
  '%j is refused, not thrown at',
  (written) => {
    expect(readContract(written).kind).toBe('refused');
  },
);

test('the JSON Schema in the reference is the one of contracts', async () => {
  const path = join(import.meta.dirname, '../../../../docs/reference/contract.schema.json');
  await expect(contractJsonSchemaText()).toMatchFileSnapshot(path);
});
