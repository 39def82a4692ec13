/** The chassis: foreign code in runners, and what they need of their host. */
export { ADMISSION_VERSION } from './admission/index.ts';
export { createBroker } from './broker/broker.ts';
export { openSecretStore } from './secrets.ts';
export { findTools } from './jail/tools.ts';
export type { Tools } from './jail/tools.ts';
export { createRunnerHost } from './host/host.ts';
export type { RunnerHostOptions } from './host/host.ts';
export { engineBytes, runnerFile } from './runner-file.ts';
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
