/** The agent processes of the demo: seven of them, each with one agent of every session, so that no session dies whole. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AgentEvent } from '../../packages/testkit/src/agents.ts';
import type { ProcessOrder } from './agent-process.ts';

export const PROCESSES = 7;

/** What the seven sessions can do beside what all can: their side of the product. */
const SESSIONS = [
  ['ndi', 'integration:ndi'],
  ['webrtc', 'integration:webrtc'],
  ['h323', 'integration:h323'],
  ['sip', 'integration:sip'],
  ['cli', 'cli:design'],
  ['talent', 'architecture:patterns'],
  ['bus', 'infra:networking'],
] as const;
const SHARED = ['cli:testing', 'docs:technical-writing'] as const;
/** Of a session's seven agents five are cheap and two are strong. */
const KINDS = [
  'cheap-1',
  'cheap-2',
  'cheap-3',
  'cheap-4',
  'cheap-5',
  'strong-1',
  'strong-2',
] as const;

export type CrewEvent =
  | AgentEvent
  | { readonly type: 'started'; readonly sessions: readonly string[] };

export class CrewMember {
  readonly at: number;
  readonly agents: ProcessOrder['agents'];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  sessions: readonly string[] = [];

  /** Starts the process; it waits for its order. */
  constructor(at: number, onEvent: (member: CrewMember, event: CrewEvent) => void) {
    this.at = at;
    this.agents = agentsOf(at);
    this.#child = spawn(
      process.execPath,
      [
        '--conditions=source',
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, 'agent-process.ts'),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    this.#ended = once(this.#child, 'exit');
    // A process that was killed does not read its last words.
    this.#child.stdin?.on('error', () => undefined);
    if (this.#child.stdout === null) throw new Error('defect: a pipe was asked for');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event: CrewEvent = JSON.parse(line);
      if (event.type === 'started') this.sessions = event.sessions;
      onEvent(this, event);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  order(order: Omit<ProcessOrder, 'agents'>): void {
    this.#child.stdin?.write(`${JSON.stringify({ ...order, agents: this.agents })}\n`);
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Ends its input: it finishes what runs and closes its sessions. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    await this.#ended;
    clearTimeout(late);
  }
}

/** The longest attempt and a round trip. */
const STOP_MS_MAX = 5_000;

function agentsOf(at: number): ProcessOrder['agents'] {
  return SESSIONS.map(([name, own], session) => ({
    agent: `s${session + 1}-${name}/${KINDS[at] ?? `extra-${at}`}`,
    swarm: `s${session + 1}-${name}`,
    capabilities: [own, ...SHARED],
  }));
}
