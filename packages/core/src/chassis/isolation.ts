/** How well a run has to be isolated: the highest of what contract, task and policy ask for. */
import { isBundledModule, reject } from '@infrafabric/protocol';
import type {
  IsolationAsker,
  IsolationLayer,
  PublisherIsolation,
  Rejection,
  ResourcePolicy,
} from '@infrafabric/protocol';

/** At level 0 nothing was seen to hold: no guest runs there, whatever anybody asks for. */
const LEVEL_MIN = 1;

/** The realm's word on isolation. */
export interface IsolationPolicy {
  readonly resource: Pick<ResourcePolicy, 'minLevel' | 'secretsMinLevel'>;
  readonly isolation: readonly PublisherIsolation[];
}

export interface Asked {
  readonly provider: string;
  readonly module: string;
  readonly contract: number;
  readonly task: number | undefined;
  readonly hasSecrets: boolean;
}

export interface Need {
  readonly level: number;
  readonly asks: IsolationAsker;
}

/** What the policy asks for: of what is bundled level 1, of a publisher that it names what it says of it. */
const policyLevel = ({ resource, isolation }: IsolationPolicy, asked: Asked): number => {
  if (isBundledModule(asked.module)) return LEVEL_MIN;
  const named = isolation.find(({ provider }) => provider === asked.provider);
  return Math.max(LEVEL_MIN, named?.minLevel ?? resource.minLevel);
};

/** The level that is asked for, and who asks: of those who ask for as much the policy, then the contract. */
export const needOf = (policy: IsolationPolicy, asked: Asked): Need => {
  const all: readonly Need[] = [
    { asks: 'policy', level: policyLevel(policy, asked) },
    { asks: 'contract', level: asked.contract },
    { asks: 'task', level: asked.task ?? 0 },
    { asks: 'secrets', level: asked.hasSecrets ? policy.resource.secretsMinLevel : 0 },
  ];
  return all.reduce((most, one) => (one.level > most.level ? one : most));
};

/** What a runner host is. */
export interface Attained {
  readonly level: number;
  readonly layers: readonly IsolationLayer[];
  readonly platform: string;
}

const WHO: Readonly<Record<IsolationAsker, string>> = {
  contract: 'the contract asks for',
  task: 'the task asks for',
  policy: 'the policy asks for',
  secrets: 'the policy asks, for a run with secrets, for',
};

/** `isolation.too_low`: names what is attained, what is needed and who asks, and what would help. */
export const tooLow = (host: Attained, { level, asks }: Need, subject: string): Rejection =>
  reject(
    'isolation.too_low',
    `${subject}: this host isolates at level ${host.level}, and ${WHO[asks]} level ${level}. ${remedyOf(host)}`,
    {
      attained: host.level,
      needed: level,
      asks,
      layers: [...host.layers],
      platform: host.platform,
    },
  );

const remedyOf = ({ layers, platform }: Attained): string => {
  if (!platform.startsWith('linux'))
    return 'Attach a runner host on Linux: a virtual machine, a container that allows user namespaces, another machine.';
  if (!layers.includes('rlimits'))
    return 'Install what sets the limits, and look again: apt-get install util-linux; ifab doctor.';
  if (!layers.includes('namespaces'))
    return 'Install the jail, and allow user namespaces or start the host as root: apt-get install bubblewrap; ifab doctor.';
  return 'See what is missing, and the command that adds it: ifab doctor.';
};
