/**
 * Tries to disprove what the log says of runs from its entries alone, with a count of its own:
 *
 * H1  A run ends at most once, and no run is open when its task has been leased again.
 * H2  A run has an accepted contract, no limit wider than that, and the isolation that was needed.
 * H3  How a run counts, and the reputation that is said after it, follow from what was measured.
 */
import type { ArgsOf, DomainEvent } from '@infrafabric/core';
import {
  SLO_RUNS_MAX,
  SLO_WINDOW_DAYS,
  type RunLimits,
  type RunMeasure,
  type ServiceContract,
} from '@infrafabric/protocol';

import type { LogEntry } from '../followers/log-entry.ts';
import { trusted } from '../rooms/room.ts';
import { leasesEndedBy } from './lease-ends.ts';

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;

interface Open {
  readonly run: Of<'run.started'>;
  readonly contract: ServiceContract;
  /** How its lease ended, if it has. */
  leaseEnd?: 'expired' | 'over';
}

/** One run that counts: shares in ten-thousandths. */
interface Counted {
  readonly at: number;
  readonly ok: boolean;
  readonly missed: boolean;
  readonly efficiency: number;
  readonly step: number;
}

const WINDOW_MS = SLO_WINDOW_DAYS * 86_400_000;
const ONE = 10_000;
const MIB = 1_048_576;
/** Of the design: what is believed of who has shown nothing, and how many runs that weighs as much as. */
const PRIOR = 0.7;
const PRIOR_RUNS = 20;
/** Ten-thousandths that the log's figure may be off ours: both round once. */
const ROUNDING = 1;

export class RunWatch {
  readonly #contracts = new Map<string, ServiceContract>();
  readonly #open = new Map<string, Open>();
  /** Runs of all time: an id is used once. */
  readonly #ended = new Set<string>();
  readonly #counted = new Map<string, Counted[]>();

  /** Takes the next entry; answers what it breaks. */
  take(entry: LogEntry): readonly string[] {
    const faults = entry.events.flatMap((event) => this.#faultsOf(event, entry));
    const again = entry.events.flatMap((event) =>
      event.type === 'task.leased' ? this.#leasedAgain(event) : [],
    );
    return [...faults, ...again];
  }

  #faultsOf(event: DomainEvent, entry: LogEntry): readonly string[] {
    switch (event.type) {
      case 'contract.accepted':
        this.#contracts.set(keyOf(event), trusted<ArgsOf<'contracts.accept'>>(entry.args).contract);
        return [];
      case 'run.started':
        return this.#started(event);
      case 'run.ended':
        return this.#endedRun(event, entry.at);
      case 'reputation.changed':
        return this.#reputation(event, entry.at);
      default:
        this.#leaseEnds(event);
        return [];
    }
  }

  #started(run: Of<'run.started'>): readonly string[] {
    const { runId, limits, level, minLevel } = run;
    const contract = this.#contracts.get(keyOf(run));
    if (contract === undefined) return [`H2: ${runId} runs without a contract`];
    const faults: string[] = [];
    if (this.#open.has(runId) || this.#ended.has(runId)) faults.push(`H1: ${runId} starts twice`);
    if (isWider(limits, contract.limits))
      faults.push(`H2: ${runId} has limits wider than its contract`);
    if (!isGranted(run.http, contract.http) || !isGranted(run.secrets, contract.secrets))
      faults.push(`H2: ${runId} was given what its contract does not grant`);
    if (level < minLevel) faults.push(`H2: ${runId} runs at level ${level} of ${minLevel}`);
    this.#open.set(runId, { run, contract });
    return faults;
  }

  #endedRun(event: Of<'run.ended'>, at: number): readonly string[] {
    const { runId, sample } = event;
    const open = this.#open.get(runId);
    if (open === undefined) return [`H1: ${runId} ends and is not open`];
    this.#open.delete(runId);
    this.#ended.add(runId);
    const own = countedOf(open, event, at);
    if (own !== undefined) this.#countOf(open.run.provider).push(own);
    const isSame =
      own === undefined
        ? sample === undefined
        : sample?.missed === own.missed &&
          sample.stepPermyriad === own.step &&
          sample.latencyMs === own.latencyMs &&
          Math.abs(sample.efficiencyPermyriad - own.efficiency) <= ROUNDING;
    return isSame ? [] : [`H3: ${runId} counts otherwise than it was measured`];
  }

  #countOf(provider: string): Counted[] {
    const known = this.#counted.get(provider) ?? [];
    this.#counted.set(provider, known);
    return known;
  }

  #reputation({ provider, permyriad }: Of<'reputation.changed'>, at: number): readonly string[] {
    const all = this.#countOf(provider).filter((one) => one.at >= at - WINDOW_MS);
    const counted = all.slice(-SLO_RUNS_MAX);
    this.#counted.set(provider, counted);
    const own = reputationOf(counted);
    return Math.abs(own - permyriad) <= ROUNDING
      ? []
      : [`H3: ${provider} is said to have the reputation ${permyriad}, and has ${own}`];
  }

  #leaseEnds(event: DomainEvent): void {
    const isExpiry =
      event.type === 'lease.expired' ||
      (event.type === 'session.closed' && event.how === 'expired');
    const ended = leasesEndedBy(event);
    for (const open of this.#open.values())
      if (ended.includes(open.run.taskId)) open.leaseEnd ??= isExpiry ? 'expired' : 'over';
  }

  #leasedAgain({ taskId, fence }: Of<'task.leased'>): readonly string[] {
    return [...this.#open.values()].flatMap(({ run }) =>
      run.taskId === taskId && run.fence !== fence
        ? [`H1: ${run.runId} is open under fence ${run.fence}, and ${taskId} is leased again`]
        : [],
    );
  }
}

const isWider = (limits: RunLimits, most: RunLimits): boolean =>
  limits.cpuMsMax > most.cpuMsMax ||
  limits.wallMsMax > most.wallMsMax ||
  limits.cpuPercentMax > most.cpuPercentMax ||
  limits.memoryMibMax > most.memoryMibMax ||
  limits.apiCallsPerSecondMax > most.apiCallsPerSecondMax ||
  limits.networkCallsMax > most.networkCallsMax;

const isGranted = (
  given: readonly string[],
  granted: readonly { readonly alias: string }[],
): boolean => given.every((alias) => granted.some((one) => one.alias === alias));

const keyOf = ({
  swarmId,
  module,
}: {
  readonly swarmId: string;
  readonly module: string;
}): string => `${swarmId} ${module}`;

const countedOf = (
  { run: { limits }, contract, leaseEnd }: Open,
  { cause, measure }: Of<'run.ended'>,
  at: number,
): (Counted & { readonly latencyMs: number }) | undefined => {
  const isNobodys = cause === 'revoked' && leaseEnd !== 'expired';
  if (cause === 'unavailable' || isNobodys) return undefined;
  const ok = cause === 'completed' && measure !== undefined;
  const tookMs =
    measure === undefined ? 0 : Math.min(measure.queueMs + measure.wallMs, Number.MAX_SAFE_INTEGER);
  const latencyMs = ok ? tookMs : Math.max(tookMs, limits.wallMsMax);
  const missed = !ok || latencyMs > promisedMs(contract);
  const { missPenaltyPermyriad, successGainPermyriad } = contract.reputation;
  return {
    at,
    ok,
    missed,
    latencyMs,
    efficiency: ok ? Math.round((1 - usedOf(limits, measure)) * ONE) : 0,
    step: missed ? 0 - missPenaltyPermyriad : successGainPermyriad,
  };
};

const promisedMs = ({ guarantees }: ServiceContract): number =>
  guarantees.latencyP99Ms ?? guarantees.latencyP95Ms ?? Infinity;

const usedOf = (limits: RunLimits, measure: RunMeasure): number =>
  (shareOf(measure.cpuMs, limits.cpuMsMax) +
    shareOf(measure.peakMemoryBytes, limits.memoryMibMax * MIB) +
    shareOf(measure.networkCalls, limits.networkCallsMax)) /
  3;

const shareOf = (used: number, allowed: number): number =>
  used === 0 ? 0 : Math.min(1, used / Math.max(1, allowed));

/** 0.5 × success + 0.3 × SLO + 0.2 × efficiency, blended with the prior, and what penalties take from it. */
const reputationOf = (counted: readonly Counted[]): number => {
  let score = 0;
  let adjustment = 0;
  for (const { ok, missed, efficiency, step } of counted) {
    score += (ok ? 0.5 : 0) + (missed ? 0 : 0.3) + (0.2 * efficiency) / ONE;
    adjustment = Math.min(0, Math.max(-ONE, adjustment + step));
  }
  const blended = (PRIOR_RUNS * PRIOR + score) / (PRIOR_RUNS + counted.length);
  return Math.max(0, Math.min(ONE, Math.round(blended * ONE) + adjustment));
};
