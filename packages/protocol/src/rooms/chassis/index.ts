/** The chassis's operations: contracts and modules, runs, and how those who answer for them stand. */
export { ContractRow, contractOperations, ModuleRow } from './contracts.ts';
export { IsolationAsker, runOperations, RunRow } from './runs.ts';
export { SloObjective, SloRow, SloVerdict, standingOperations } from './standing.ts';
