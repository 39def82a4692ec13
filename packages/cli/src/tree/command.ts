/** What a command is: data that the parser, the help, the completion and `help --json` are all made from. */
import type { Io } from '../io.ts';
import type { Output } from '../output/output.ts';
import type { FieldKind, OperationRow } from '../registry/rows.ts';

/** Ids that a running fabric can complete. */
export type LiveKind =
  | 'plan'
  | 'task'
  | 'session'
  | 'blocker'
  | 'phase'
  | 'swarm'
  | 'account'
  | 'escalation';
/** What a shell completes by itself or from a list. */
export type Completion =
  | { readonly kind: 'live'; readonly of: LiveKind }
  | { readonly kind: 'files' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface ArgumentSpec {
  /** As help shows it: TASK, FILE. */
  readonly name: string;
  readonly says: string;
  readonly required: boolean;
  /** Takes all words that are left. */
  readonly many?: boolean;
  readonly field?: FieldSpec;
  readonly completion?: Completion | undefined;
}

export interface OptionSpec {
  /** `--reason`; `--no-retry` where the flag says no. */
  readonly flag: string;
  readonly short?: string;
  /** Placeholder of its value; absent: a switch. */
  readonly value?: string;
  readonly says: string;
  /** May be given several times. */
  readonly many?: boolean;
  readonly field?: FieldSpec;
  readonly completion?: Completion | undefined;
}

/** Which field of an operation's input a word of the command line becomes, and how it is read. */
export interface FieldSpec {
  readonly name: string;
  readonly required: boolean;
  readonly type: FieldKind | { readonly kind: 'duration' | 'time' | 'money' };
  /** A variable that stands in where the flag is absent. */
  readonly env?: string | undefined;
}

export type Mode = 'normal' | 'verify' | 'falsify';

export interface CommandSpec {
  /** `['plan', 'list']`; one word for commands without a noun. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly args: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** One call that works as it stands where its ids exist, without `ifab`. */
  readonly example: string;
  /** The operation that it calls; absent: it is the terminal's own. */
  readonly operation?: OperationRow;
  /** Cannot be undone: asks first, or wants --yes. */
  readonly destructive?: boolean;
  /** Changes something: --dry-run says what would be done. */
  readonly mutates?: boolean;
  /** Modes beside normal that it can be run in. */
  readonly modes?: readonly Mode[];
  /** Speaks of log entries: --why can show them. */
  readonly explains?: boolean;
  readonly hidden?: boolean;
  /** Loaded when the command is run, and not before; absent: it is about the tree itself, and main runs it. */
  readonly load?: () => Promise<CommandRun>;
}

/** Flags that every command takes. */
export interface GlobalFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean | undefined;
  /** False: a question is an error that names the flag. */
  readonly input: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly why: boolean;
  /** A trace id of 32 hex digits, or `new`. */
  readonly trace: string | undefined;
  readonly mode: Mode;
  readonly url: string | undefined;
  readonly dataDir: string | undefined;
  readonly realm: string | undefined;
  readonly tokenFile: string | undefined;
  /** Idempotency key. */
  readonly key: string | undefined;
}

export interface CommandContext {
  readonly spec: CommandSpec;
  /** Words by position. */
  readonly args: readonly string[];
  /** Values by flag without dashes; several where a flag was given several times. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly flags: GlobalFlags;
  readonly io: Io;
  readonly out: Output;
}

/** Resolves to the exit code; throws a CliError or an error of the SDK for a no. */
export type CommandRun = (context: CommandContext) => Promise<number>;

export const commandName = ({ path }: Pick<CommandSpec, 'path'>): string => path.join(' ');

/** The last value of a flag. */
export const optionOf = (
  { options }: Pick<CommandContext, 'options'>,
  flag: string,
): string | undefined => options.get(flag)?.at(-1);

export const isSet = ({ options }: Pick<CommandContext, 'options'>, flag: string): boolean =>
  options.has(flag);
