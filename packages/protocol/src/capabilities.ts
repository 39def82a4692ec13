/**
 * The capabilities that every realm knows from its start. The set is open: `capabilities.define` adds a realm's own, and
 * an id that neither knows is refused, because a need that nobody can spell the same way is never met.
 */

export interface Capability {
  /** `domain:skill`, a CapabilityId. */
  readonly id: string;
  /** One sentence: what a swarm that has it can be asked for. */
  readonly description: string;
}

/** By domain, then by skill. `code-analysis` is reading and changing code of a language. */
const DOMAINS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  architecture: {
    'data-modelling': 'Designs schemas and the migrations between them.',
    'event-driven': 'Designs event logs, streams and their consumers.',
    patterns: 'Chooses and applies patterns of software design.',
    performance: 'Finds where time and memory go, and changes the design there.',
    security: 'Designs trust boundaries, credentials and their lives.',
  },
  cli: {
    design: 'Designs commands, flags, output and errors of a terminal program.',
    testing: 'Tests terminal programs: output, exit codes, signals.',
  },
  'code-analysis': {
    c: 'Reads and changes C.',
    cpp: 'Reads and changes C++.',
    csharp: 'Reads and changes C# and .NET projects.',
    elixir: 'Reads and changes Elixir and Erlang.',
    go: 'Reads and changes Go.',
    java: 'Reads and changes Java.',
    javascript: 'Reads and changes JavaScript.',
    kotlin: 'Reads and changes Kotlin.',
    php: 'Reads and changes PHP.',
    python: 'Reads and changes Python.',
    ruby: 'Reads and changes Ruby.',
    rust: 'Reads and changes Rust.',
    scala: 'Reads and changes Scala.',
    shell: 'Reads and changes shell scripts.',
    sql: 'Reads and changes SQL and stored procedures.',
    swift: 'Reads and changes Swift.',
    typescript: 'Reads and changes TypeScript.',
    wasm: 'Builds, reads and embeds WebAssembly modules.',
  },
  data: {
    analysis: 'Answers questions of tables with statistics and plots.',
    pipelines: 'Builds jobs that move and transform data, in batches or streams.',
    validation: 'Checks data against schemas, and finds what contradicts itself.',
  },
  database: {
    etcd: 'Works with etcd: leases, watches, transactions.',
    mongodb: 'Works with MongoDB: documents, indexes, aggregations.',
    mysql: 'Works with MySQL and MariaDB.',
    postgres: 'Works with PostgreSQL: queries, indexes, operation.',
    redis: 'Works with Redis and Valkey: structures, scripts, streams.',
    sqlite: 'Works with SQLite inside of programs.',
    tuning: 'Reads query plans, and makes slow queries fast.',
  },
  devops: {
    'ci-cd': 'Writes and mends pipelines that build, test and release.',
    containers: 'Builds small container images that start as they should.',
    'infrastructure-as-code': 'Describes infrastructure with Terraform and its like.',
    kubernetes: 'Deploys to Kubernetes: manifests, charts, operators.',
    observability: 'Instruments programs with metrics, traces and logs.',
    packaging: 'Makes packages and releases that install reproducibly.',
  },
  docs: {
    'api-design': 'Designs interfaces and their reference: OpenAPI, schemas, examples.',
    diagrams: 'Draws architecture and sequences as text that stays true.',
    'technical-writing': 'Writes guides, references and decision records.',
    translation: 'Translates documentation and texts of an interface.',
  },
  frontend: {
    accessibility: 'Makes interfaces usable by keyboard and screen reader.',
    angular: 'Builds interfaces with Angular.',
    css: 'Styles pages: layout, themes, small screens.',
    react: 'Builds interfaces with React.',
    svelte: 'Builds interfaces with Svelte.',
    vue: 'Builds interfaces with Vue.',
  },
  infra: {
    'distributed-systems': 'Builds on consensus, leases, replication and their failures.',
    linux: 'Works with Linux: processes, files, limits, namespaces.',
    networking: 'Works with sockets, routing, DNS, TLS and packet captures.',
    storage: 'Works with disks, file systems and object stores.',
  },
  integration: {
    amqp: 'Connects through AMQP 0-9-1 and 1.0, as RabbitMQ speaks it.',
    grpc: 'Connects services through gRPC and protocol buffers.',
    graphql: 'Serves and queries GraphQL.',
    h323: 'Connects H.323 endpoints, gatekeepers and gateways.',
    http: 'Serves and calls HTTP interfaces.',
    kafka: 'Produces to and consumes from Kafka.',
    ldap: 'Connects to LDAP directories.',
    mcp: 'Serves and calls Model Context Protocol tools.',
    mqtt: 'Connects devices and services through MQTT.',
    nats: 'Connects services through NATS and JetStream.',
    ndi: 'Sends and receives video over NDI.',
    oauth: 'Signs users and services in with OAuth 2 and OpenID Connect.',
    s3: 'Stores objects through the S3 interface.',
    sip: 'Connects calls through SIP: signalling, registrars, trunks.',
    webhooks: 'Sends and receives signed webhooks with retries.',
    webrtc: 'Connects browsers and media servers through WebRTC.',
    websocket: 'Serves and reads WebSocket streams.',
  },
  ml: {
    evaluation: 'Measures models with data sets and judges that can be repeated.',
    inference: 'Serves models and keeps them fast and affordable.',
    'llm-integration': 'Builds on language models: prompts, tools, retrieval.',
    training: 'Trains and fine-tunes models.',
  },
  security: {
    cryptography: 'Uses signatures, hashes and encryption as they are meant.',
    fuzzing: 'Fuzzes parsers and protocols, and makes findings small.',
    review: 'Reviews changes for vulnerabilities.',
    'secrets-handling': 'Keeps secrets out of code, logs and images; rotates them.',
    'supply-chain': 'Checks dependencies, lock files, provenance and licences.',
    'threat-modelling': 'Names what is attacked, by whom, and what stops it.',
  },
  testing: {
    'end-to-end': 'Tests whole systems as their users meet them.',
    integration: 'Tests components together with what they stand on.',
    load: 'Measures systems under load, and says where they break.',
    mutation: 'Measures tests by the faults that they find.',
    property: 'Tests laws with generated values.',
    simulation: 'Tests with simulated time, faults and orders by seed.',
    unit: 'Tests functions by example.',
  },
};

const idOrder = (one: Capability, other: Capability): number => (one.id < other.id ? -1 : 1);

/** Sorted by id. A swarm may have, and a task may need, any of these without defining it first. */
export const BUILT_IN_CAPABILITIES: readonly Capability[] = Object.entries(DOMAINS)
  .flatMap(([domain, skills]) =>
    Object.entries(skills).map(([skill, description]) => ({
      id: `${domain}:${skill}`,
      description,
    })),
  )
  .toSorted(idOrder);

const BUILT_IN_IDS: ReadonlySet<string> = new Set(BUILT_IN_CAPABILITIES.map(({ id }) => id));

export const isBuiltInCapability = (id: string): boolean => BUILT_IN_IDS.has(id);
