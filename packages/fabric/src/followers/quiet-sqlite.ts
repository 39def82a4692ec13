/** `node:sqlite` under Node 22 says at every start that it is experimental; nobody at a terminal can act on it. */
import type { EventEmitter } from 'node:events';

const SQLITE = 'SQLite is an experimental feature';

/**
 * Keeps that one warning from whoever listens to the warnings of `process` now (Node itself, which prints them). Every
 * other one passes. Call it before anything loads `node:sqlite`; a thread has warnings of its own.
 */
export function quietSqlite(process: EventEmitter): void {
  const told = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error) => {
    if (warning.name === 'ExperimentalWarning' && warning.message.startsWith(SQLITE)) return;
    for (const listener of told) listener.call(process, warning);
  });
}
