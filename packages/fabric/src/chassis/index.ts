/** The chassis: foreign code in runners, and what they need of their host. */
export { ADMISSION_VERSION } from './admission/index.ts';
export { createBroker } from './broker/broker.ts';
export { fitOfSecret } from './broker/injection.ts';
export type { SecretFit } from './broker/injection.ts';
export { openSecretStore } from './secrets.ts';
export { findTools } from './jail/tools.ts';
export type { Tools } from './jail/tools.ts';
export { createRunnerHost } from './host/host.ts';
export type { RunnerHostOptions } from './host/host.ts';
export { bundleRunner, engineBytes, runnerFile } from './runner-file.ts';
export type {
  Attained,
  Broker,
  BrokerReply,
  BrokerRun,
  BrokerRunOptions,
  BrokerUse,
  HttpAnswer,
  HttpCall,
  Loaded,
  ModuleLoad,
  ProbeAttempt,
  Runner,
  RunnerHost,
  RunNote,
  RunReport,
  RunRequest,
  Tenant,
  Verdict,
} from './words.ts';
// What the containment suite attacks with, and measures against: the jail's own parts, and the words of the pipe.
export type { BrokerOptions } from './broker/broker.ts';
export { FROM_RUNNER, HOST_FUNCTIONS, REPLY_STATUS } from './frame.ts';
export { nodeLineOf } from './jail/flags.ts';
export { identityOf, launchPlan } from './jail/launch.ts';
export { initPidOf, leafPid } from './jail/leaf.ts';
export { librariesOf } from './jail/libraries.ts';
export { addressLimit, INIT_WORDS, lockWords, setLimits } from './jail/rlimits.ts';
export { seccompFilter } from './jail/seccomp.ts';
