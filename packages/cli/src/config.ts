/** The only place of the command line that reads the environment. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process themselves: a store of secrets takes its own out of them, so that no child inherits one. */
export const currentEnvironment = (): Environment => process.env;
