/**
 * Runs a script or a tool of this workspace on a clone where nothing is installed yet.
 *
 *     node scripts/bootstrap.mjs <target.ts | tool> [arguments]
 *
 * Plain JavaScript that Node 20 can run, because it is what brings the newer Node. Everything else may be TypeScript.
 *
 * B1  The target starts only when node_modules holds what package-lock.json asks for.
 * B2  One install at a time: others wait for it, then look again.
 * B3  The target's exit code, or the signal that ended it, is ours.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { unlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const lockPath = join(root, '.tmp', 'bootstrap.lock');

/** How often a waiting process looks at the lock. An install takes tens of seconds: finer would gain nothing. */
const LOCK_POLL_MS = 200;
/** A waiting process says so this often, so that nobody takes it for hung. */
const LOCK_NOTICE_MS = 5_000;
/** Longer than any install seen (40 s on two cores) by far; then a person should look. */
const LOCK_WAIT_MS_MAX = 600_000;
/** A breaker of stale locks holds its own lock for microseconds; after this long it was killed in between. */
const BREAKER_AGE_MS_MAX = 10_000;

const say = (line) => process.stderr.write(`bootstrap: ${line}\n`);

/** Ends with a message that says what to do; 69 is EX_UNAVAILABLE of sysexits(3). */
function stop(message) {
  say(message);
  process.exit(69);
}

function readOrUndefined(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  }
}

/**
 * Whether node_modules holds what the lock file names (B1). Compares contents, not times: a checkout or a restored
 * cache changes times at will. npm writes its hidden lock file last, so a half-done install is not taken for a whole.
 */
function installed() {
  const wanted = readOrUndefined(join(root, 'package-lock.json'));
  const present = readOrUndefined(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined) stop('package-lock.json is missing; this is not a whole checkout');
  if (present === undefined) return false;
  const there = JSON.parse(present).packages;
  return Object.entries(JSON.parse(wanted).packages).every(([path, entry]) => {
    // The root and the workspaces are folders of this checkout, not something that npm fetches.
    if (!path.includes('node_modules/')) return true;
    const found = there[path];
    // Optional packages are absent on the platforms that they are not made for.
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause.code === 'EPERM';
  }
}

/** The process that installs now, or undefined. An empty lock file is one that is being written this moment. */
function lockHolder() {
  const text = readOrUndefined(lockPath);
  return text === undefined ? undefined : Number(text);
}

function createExclusively(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (cause) {
    if (cause.code === 'EEXIST') return false;
    throw cause;
  }
}

function removeIfThere(path) {
  try {
    unlinkSync(path);
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw cause;
  }
}

/**
 * Removes the lock of a process that died. Two breakers at once could remove the lock that a third has just taken,
 * so breaking has a lock too, and looks again once it holds it.
 */
function breakLock() {
  const breaker = `${lockPath}.breaker`;
  if (!createExclusively(breaker)) {
    const age = statSync(breaker, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - age > BREAKER_AGE_MS_MAX) removeIfThere(breaker);
    return;
  }
  const holder = lockHolder();
  if (holder !== undefined && holder > 0 && !alive(holder)) removeIfThere(lockPath);
  removeIfThere(breaker);
}

async function takeLock() {
  mkdirSync(dirname(lockPath), { recursive: true });
  const startedAt = Date.now();
  let noticedAt = 0;
  while (!createExclusively(lockPath)) {
    const holder = lockHolder();
    if (holder !== undefined && holder > 0 && !alive(holder)) breakLock();
    if (Date.now() - startedAt > LOCK_WAIT_MS_MAX)
      stop(`process ${holder} holds ${lockPath} too long`);
    if (Date.now() - noticedAt > LOCK_NOTICE_MS) {
      noticedAt = Date.now();
      say(`waiting for the install of process ${holder}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

/** Runs a command to its end; resolves to its exit code, by the shell's rule (128 + number) where a signal ended it. */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, ...options });
    const forward = (signal) => {
      // A terminal sends its interrupt to the whole group: the child has it already, and twice means "at once" to it.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve({ code: code ?? 128 + constants.signals[signal], signal });
    });
  });
}

async function install() {
  await takeLock();
  try {
    if (installed()) return;
    say('npm ci: installing what package-lock.json names');
    const startedAt = Date.now();
    // Under `npm run`, npm says where it is; it need not be on PATH.
    const npm = process.env.npm_execpath;
    const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
    // What npm prints goes to stderr: stdout belongs to the target, whose last line may be JSON.
    const stdio = { stdio: ['ignore', 2, 2] };
    const { code } =
      npm === undefined || !/\.c?js$/.test(npm)
        ? await run('npm', args, stdio)
        : await run(process.execPath, [npm, ...args], stdio);
    if (code !== 0) {
      removeIfThere(lockPath);
      stop(`npm ci failed with exit code ${code}; repeat it with: npm ci`);
    }
    say(`npm ci: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  } finally {
    removeIfThere(lockPath);
  }
}

/** The Node for development: the locked one where npm has it for this platform, else the one that runs this. */
function chooseNode() {
  const locked = join(bin, 'node');
  if (existsSync(locked)) return { path: locked, flags: [] };
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 13)) {
    stop(
      `this platform has no locked Node, and Node ${process.versions.node} is too old: use 22.13 or newer`,
    );
  }
  // Node runs TypeScript unasked since 22.18.
  const flags = major === 22 && minor < 18 ? ['--experimental-strip-types'] : [];
  return { path: process.execPath, flags };
}

async function main() {
  const [target, ...args] = process.argv.slice(2);
  if (target === undefined)
    stop('usage: node scripts/bootstrap.mjs <target.ts | tool> [arguments]');
  if (existsSync(lockPath) || !installed()) await install();

  const node = chooseNode();
  const isScript = /\.[cm]?[jt]s$/.test(target);
  const flags = [...node.flags, '--conditions=source', '--disable-warning=ExperimentalWarning'];
  const [command, commandArgs] = isScript
    ? [node.path, [...flags, target, ...args]]
    : [join(bin, target), args];
  if (!isScript && !existsSync(command)) stop(`no tool named ${target} in node_modules/.bin`);

  const path = [bin, dirname(node.path), process.env.PATH ?? ''].join(delimiter);
  const { code, signal } = await run(command, commandArgs, {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  // Dying by the same signal tells a shell or a supervisor the truth (B3).
  if (signal !== null && signal !== undefined) process.kill(process.pid, signal);
  process.exitCode = code;
}

await main();
