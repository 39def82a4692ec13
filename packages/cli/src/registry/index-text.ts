/** Generated from the registry by registry.test.ts; `vitest run packages/cli/src/registry -u` writes it again. */
export const REGISTRY_TEXT = `
plans.submit write operator: Take a plan: its phases, its tasks and what depends on what. The same plan twice changes nothing.
  plan! json
  confirmMicroUsd int
plans.edit write operator: Add tasks, add or drop dependencies, and change priorities of a plan that runs.
  planId! string
  add json
  addDependencies json
  dropDependencies json
  priorities json
  confirmMicroUsd int
plans.pause write operator: Hand out no more of a plan; leases that live go on.
  planId! string
  reason string
plans.resume write operator: Hand out a paused plan again.
  planId! string
plans.cancel write operator: End a plan: every unfinished task is cancelled and every lease of it ends.
  planId! string
  reason! string
plans.list read operator,runner,worker: The plans and how far they are.
  after string
  limit int
plans.show read operator,runner,worker: One plan: progress, phases with their gates, longest unfinished chain.
  planId! string
phases.approve write operator: Approve what a phase waits for: its opening when it is autonomous, its gate otherwise.
  planId! string
  phase! string
  reason string
phases.check write operator,runner: Record what a check of a phase’s gate gave when the fabric ran it.
  planId! string
  phase! string
  result! json
tasks.claim write operator,runner,worker: Lease one task to a session until the lease expires.
  sessionId! string
  taskId! string
  leaseMs int
tasks.next write operator,runner,worker: Lease the best ready tasks for a session; with a wait, as soon as there is one.
  sessionId! string
  count int
  leaseMs int
  planId string
  waitMs int
tasks.renew soft operator,runner,worker: Extend leases of a session by their full length, and say what was seen of the work.
  sessionId! string
  leases json
  evidence heartbeat|tool|output|commit|tokens
  note string
tasks.progress write operator,runner,worker: Write down what the holder of a lease has done so far.
  taskId! string
  fencingToken! string
  note string
  percent int
  evidence heartbeat|tool|output|commit|tokens
  artifact json
tasks.release write operator,runner,worker: Give a lease back; the task is ready again and no attempt is counted.
  taskId! string
  fencingToken! string
  reason string
tasks.complete write operator,runner,worker: Hand in a task with its evidence; with \`next\`, lease another one in the same entry.
  taskId! string
  fencingToken! string
  evidence json
  next bool
tasks.fail write operator,runner,worker: Say that an attempt failed; the task is tried again or parked.
  taskId! string
  fencingToken! string
  reason! string
  retry bool
  evidence json
tasks.judge write operator,runner: Accept or send back a submitted task after its gates were run by the fabric or a reviewer looked.
  taskId! string
  verdict! accept|reject
  sessionId string
  gates json
  reason string
tasks.cancel write operator: End a task that nobody should do; a lease of it ends.
  taskId! string
  reason! string
tasks.park write operator: Set a task aside; a lease of it ends.
  taskId! string
  reason! string
tasks.unpark write operator: Take a parked task up again with its attempts forgiven.
  taskId! string
tasks.show read operator,runner,worker: One task: what it is, where it stands, who holds it, what its attempts left.
  taskId! string
tasks.list read operator,runner,worker: Tasks by plan and state.
  planId string
  phase waiting|ready|leased|blocked|submitted|parked|done|cancelled
  after string
  limit int
tasks.explain read operator,runner,worker: Why is this task not running?
  taskId! string
sessions.open write operator: Start a session of an agent and get its own token.
  agent! string
  role worker|runner
  swarm string
  capabilities strings
  leasesMax int
  label string
  limitMicroUsd int
sessions.heartbeat soft operator,runner,worker: Say that a session lives; past half of its token’s life the answer brings a new token.
  sessionId! string
  evidence heartbeat|tool|output|commit|tokens
  note string
sessions.close write operator,runner,worker: End a session; its leases end and their tasks are ready again.
  sessionId! string
  reason string
sessions.revoke write operator: End a session against its will: its token and all of its leases end at once.
  sessionId! string
  reason! string
sessions.list read operator,runner,worker: Sessions with their liveness, its reason and the last evidence.
  status open|closed
  after string
  limit int
blockers.raise write operator,runner,worker: Say what a task waits for that its holder cannot provide; who can help is given a task of its own at once.
  taskId! string
  fencingToken! string
  kind! dependency|integration|capability|access|decision|question|other
  title! string
  needs strings
  waitsOn string
  release bool
  quorum int
  escalateAfterMs int
blockers.join write operator,runner,worker: Say that a session helps with a blocker.
  blockerId! string
  sessionId! string
  note string
blockers.resolve write operator,runner,worker: Say that a blocker is lifted and how: one who raised it or an operator decides, helpers by quorum.
  blockerId! string
  sessionId string
  resolution! string
blockers.list read operator,runner,worker: Blockers, who raised them and who helps.
  status open|resolved
  after string
  limit int
swarms.register write operator: Take a swarm with its capabilities, price, reputation and budget; the same profile again changes nothing.
  profile! json
swarms.list read operator,runner,worker: Swarms with their profile, money and breaker.
  breaker closed|open|half-open
  after string
  limit int
swarms.show read operator,runner,worker: One swarm: profile, money, breaker and why, sessions.
  swarmId! string
capabilities.define write operator: Add a capability to those that the fabric knows from the start.
  id! string
  description! string
capabilities.list read operator,runner,worker: The capabilities that swarms may have, built in and defined, with their descriptions.
  after string
  limit int
match.explain read operator,runner,worker: Which swarm would be chosen for a task: every candidate with its numbers and why.
  taskId! string
  after string
  limit int
budgets.set write operator: Limit what an account may spend; never below what it has spent and reserved.
  account! string
  limitMicroUsd! int
  reason string
budgets.list read operator,runner,worker: Accounts with their limits and what is reserved, spent and left.
  kind realm|plan|task|swarm|session
  after string
  limit int
plans.preview read operator,runner,worker: What a plan may cost before its first claim: of a plan that runs, or of one at hand.
  planId string
  plan json
breakers.trip write operator: Stop a swarm: it gets no lease until an operator resets its breaker.
  swarmId! string
  reason! string
breakers.reset write operator: Let a stopped swarm try again: one lease as a probe, and all of them once it succeeded.
  swarmId! string
  reason! string
  limitMicroUsd int
breakers.list read operator,runner,worker: Breakers: closed, open or half-open, why, since when and by whom.
  state closed|open|half-open
  after string
  limit int
policies.set write operator: Take a policy in the place of the one in force; it governs from the next decision on.
  policy! json
  reason string
policies.show read operator,runner,worker: The policy in force: its figures, its rules, since when and by whom.
policies.explain read operator,runner,worker: What the policy in force says of an action, rule by rule.
  action! task.claim|help.lease|plan.submit|swarm.register|budget.set|breaker.reset
  facts json
escalations.list read operator,runner,worker: What a person must see: open ones first, the newest in front.
  status open|acknowledged
  after string
  limit int
escalations.acknowledge write operator: Say that a person has seen it; it is not sent again.
  escalationId! string
  note string
usage.record write operator,runner,worker: Charge a cost to the lease under which it arose: tokens of a model at its price, or an amount.
  taskId! string
  fencingToken! string
  component string
  model string
  inputTokens int
  outputTokens int
  cachedTokens int
  measured bool
  microUsd int
prices.set write operator: Set the price of a model for this realm, in the place of the catalogue’s.
  model! string
  inputMicroUsdPerMTok! int
  outputMicroUsdPerMTok! int
  cachedMicroUsdPerMTok int
  source! string
prices.list read operator,runner,worker: Prices of models with their source and date; the realm’s own stand before the catalogue’s.
  after string
  limit int
prices.route read operator,runner,worker: Which model for which work: those that are able, the cheapest first, and why others are not.
  work string
  needs strings
  contextTokens int
  inputTokens int
  outputTokens int
  cachedTokens int
costs.report read operator,runner,worker: What was spent, summed by plan, swarm, task, session, model, component or day.
  by! strings
  planId string
  swarmId json
  taskId string
  sessionId string
  model json
  component string
  since int
  until int
  before int
  limit int
  after string
costs.history read operator,runner,worker: What was spent hour by hour, day by day or week by week.
  bucket! hour|day|week
  by plan|swarm|task|session|model|component
  planId string
  swarmId json
  taskId string
  sessionId string
  model json
  component string
  since int
  until int
  before int
  limit int
  after string
costs.entries read operator,runner,worker: The records behind the sums, with the entries of the log that hold them.
  planId string
  swarmId json
  taskId string
  sessionId string
  model json
  component string
  since int
  until int
  before int
  limit int
  after string
costs.forecast read operator,runner,worker: How fast money goes, when the account is empty at this rate, and what is still to come.
  planId string
  swarmId string
  windowMs int
contracts.accept write operator: Take a contract: what a module may do in a swarm, and what its provider promises; another for the same pair replaces it.
  contract! json
contracts.list read operator,runner,worker: Contracts in force: swarm, module, provider, entrypoints, least isolation.
  swarmId string
  provider string
  after string
  limit int
contracts.show read operator,runner,worker: One contract in force, whole.
  swarmId! string
  module! string
modules.record write operator,runner: Write down what the admission said of a module; the newest verdict holds.
  digest! string
  bytes! int
  abi! extism|json|wasi|js
  admitted! bool
  reason string
  admission! int
  engine! string
  memoryPages int
  functions int
modules.list read operator,runner,worker: Modules that were admitted or refused, with the verdict and its version.
  admitted bool
  after string
  limit int
runs.start write operator,runner: Begin a run of the module that a leased task names: answers what it may do, or why the host may not run it.
  taskId! string
  fencingToken! string
  level! int
  layers! strings
  node! string
  platform! string
runs.note write operator,runner: Write down violations of a run, and uses of its credentials.
  runId! string
  notes! json
runs.end write operator,runner: Write down how a run ended and what was measured of it; works after its lease, too.
  runId! string
  cause! completed|failed|invalid|trapped|fuel|cpu|wall|memory|output|protocol|crashed|refused|revoked|unavailable
  measure! json
  detail string
  output string
runs.list read operator,runner,worker: Runs, the newest first: task, module, isolation, and how they ended.
  swarmId string
  taskId string
  open bool
  after string
  limit int
runs.show read operator,runner,worker: One run: what it might do, how it was isolated, how it ended and what it used.
  runId! string
slo.show read operator,runner,worker: What the runs of a swarm were measured at, against what its contracts promise.
  swarmId! string
slo.list read operator,runner,worker: The figures of every swarm that has run something, and how many runs ended how.
  after string
  limit int
reputation.show read operator,runner,worker: The reputation of who answers for a swarm’s modules, and what it is made of.
  swarmId! string
realm.status read operator,runner,worker: The realm in one look: position, epoch, durability, sessions, tasks, lag of the followers.
witness.record write operator,runner,worker: Write an act of another program into the log.
  component! string
  operation! string
  severity debug|info|warn|high
  params json
witness.query read operator,runner,worker: Entries by operation, principal, session, task, plan, trace, severity, time or index; newest last.
  operation string
  principal string
  sessionId string
  taskId string
  planId string
  trace string
  severity debug|info|warn|high
  since int
  until int
  from int
  to int
  newest bool
  limit int
witness.proof read operator,runner,worker: Proof that an entry is in the log under the newest checkpoint, as C2SP tlog-proof text.
  index! int
witness.checkpoint read operator,runner,worker: The newest signed checkpoint and the key that checks it.
`;
