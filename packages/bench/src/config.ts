/** The only place of the measurements that reads the environment. */

/** In CI a peer that is missing is a failure; elsewhere it is said. */
export const isCi = (): boolean => process.env['CI'] !== undefined;
