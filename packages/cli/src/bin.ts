#!/usr/bin/env node
/** The program: this process's streams and signals, and `--version` before anything else is loaded. */
import { VERSION } from './version.ts';

const words = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `ifab: Node ${process.versions.node} is too old (cli.usage)\n      Install Node 22.13 or newer.\n`,
  );
  process.exitCode = 2;
} else if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  process.stdout.write(`${VERSION}\n`);
} else {
  const { runProcess } = await import('./process.ts');
  await runProcess(words);
}
