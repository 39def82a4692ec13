/**
 * Modules that are built with the fabric, by digest: of them the policy asks for isolation level 1 only, so that the
 * examples run where no jail can be had. A contract or a task may still ask for more.
 */
export const BUNDLED_MODULES: Readonly<Record<string, string>> = {};

export const isBundledModule = (digest: string): boolean => Object.hasOwn(BUNDLED_MODULES, digest);
