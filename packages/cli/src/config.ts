/** The only place of the command line that reads the environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process as they are now. */
export const currentEnvironment = (): Environment => ({ ...process.env });
