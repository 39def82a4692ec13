/** Contracts and runs as scenarios write them, in one line each. Modules are named by a hex digit. */
import { NO_MEASURE, type RunCause, type ServiceContract } from '@infrafabric/protocol';

import { contractFor } from './random-chassis.ts';
import type { PlainArgs } from './realm-run.ts';
import { behind, member, msIn, msOf, numberIn, type Line } from './scenario-words.ts';

export const moduleOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** `contract core for a by acme level=2 p99=200ms success=9500 wall=5s api`: `api` grants a host with a secret. */
export const contractFrom = (line: Line): ServiceContract => {
  const { named, words } = line;
  const wallMsMax = msIn(named.get('wall'));
  return contractFor({
    swarmId: words[1] ?? '',
    provider: behind(line, 'by') ?? 'acme',
    module: {
      digest: moduleOf(behind(line, 'for') ?? 'a'),
      abi: 'json',
      entrypoints: ['run'],
    },
    guarantees: {
      ...member('latencyP99Ms', msIn(named.get('p99'))),
      ...member('successPermyriadMin', numberIn(named, 'success')),
    },
    limits: member('wallMsMax', wallMsMax),
    ...member('minLevel', numberIn(named, 'level')),
    ...(words.includes('api') ? API : {}),
  });
};

const API = {
  hostFunctions: ['http' as const],
  http: [{ alias: 'api', origin: 'https://api.test', methods: ['GET' as const], pathPrefix: '/' }],
  secrets: [{ alias: 'api', ref: 'vault://api#key', inject: { header: 'x-key' } }],
};

/** What a runner host says of itself: `level=3`, on Linux with all layers unless it says otherwise. */
export const hostFrom = ({
  named,
}: Line): Pick<PlainArgs<'runs.start'>, 'layers' | 'level' | 'node' | 'platform'> => {
  const level = numberIn(named, 'level') ?? 3;
  return {
    level,
    layers: level === 3 ? ['process', 'rlimits', 'namespaces'] : ['process', 'rlimits'],
    node: '24.0.0',
    platform: named.get('on') ?? 'linux-x64',
  };
};

/** `end r1 completed after 20ms queued=5ms`: what is not said was nothing. */
export const endFrom = (line: Line): PlainArgs<'runs.end'> => {
  const [, runId = '', cause = ''] = line.words;
  return {
    runId,
    // A script that gets it wrong shows it in its transcript.
    cause: cause as RunCause,
    measure: {
      ...NO_MEASURE,
      queueMs: msIn(line.named.get('queued')) ?? 0,
      wallMs: msOf(behind(line, 'after') ?? '0ms'),
    },
    ...member('detail', line.because),
  };
};

/** `note r1 host evil.test`: a violation; `note r1 used api`: a credential. */
export const noteFrom = ({ words }: Line): PlainArgs<'runs.note'> => {
  const [, runId = '', what = '', subject = ''] = words;
  const used = {
    kind: 'credential' as const,
    alias: subject,
    host: 'api.test',
    method: 'GET',
    pathHash: '0'.repeat(64),
    status: 200,
    bytes: 17,
  };
  return {
    runId,
    notes: [what === 'used' ? used : { kind: 'violation', violation: what as 'host', subject }],
  };
};
