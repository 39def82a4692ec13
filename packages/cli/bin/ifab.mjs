#!/usr/bin/env node
/**
 * What `ifab` and `infrafabric` start: the built program where the package was installed, the sources in a checkout.
 *
 * Plain JavaScript that Node 20 can run, because in a checkout npm links this file before anything is built, and because
 * somebody whose Node is too old must be told so. The sources win in a checkout even where a build is there: a build may
 * be older than they are, and a published package has none.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../src/bin.ts', import.meta.url));
/** The Node that package-lock.json names, which npm installs on the platforms that it has it for. */
const lockedNode = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));

/** Runs before the sources: whoever kills this process with -9 means the program, not a stray child of it. */
const DIES_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();",
)}`;

/** Stops with what to do; 2 is the exit code of everything that the caller must mend. */
function stop(detail, next) {
  process.stderr.write(`ifab: ${detail} (cli.usage)\n      ${next}\n`);
  process.exit(2);
}

/** Runs the sources under a Node that can, as a child: conditions of resolution are fixed when a Node starts. */
function runSources() {
  const locked = existsSync(lockedNode);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (!locked && (major < 22 || (major === 22 && minor < 13))) {
    stop(`Node ${process.versions.node} is too old`, 'Install Node 22.13 or newer.');
  }
  // Node runs TypeScript unasked since 22.18.
  const strip = !locked && major === 22 && minor < 18 ? ['--experimental-strip-types'] : [];
  const flags = [...strip, '--conditions=source', '--disable-warning=ExperimentalWarning'];
  flags.push('--import', DIES_WITH_PARENT);
  const child = spawn(
    locked ? lockedNode : process.execPath,
    [...flags, sources, ...process.argv.slice(2)],
    { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] },
  );
  const forward = (signal) => {
    // A terminal sends its interrupt to the whole group: the child has it already, and twice means "at once" to it.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  child.once('error', (cause) => stop(cause.message, 'Run `npm ci` in the checkout again.'));
  child.once('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward);
    process.exitCode = code ?? 128 + constants.signals[signal];
    // Dying by the same signal tells a shell or a supervisor the truth.
    if (signal !== null) process.kill(process.pid, signal);
  });
}

if (existsSync(sources)) runSources();
else await import('../dist/bin.js');
