/**
 * A server that speaks the HTTP API of HashiCorp Vault as far as secrets need it: key-value engine version 2, tokens with
 * policies, AppRole, seal. Written from the API's documentation; a foreign client (node-vault) holds it to that.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export interface VaultServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Where the key-value engine is mounted. */
  readonly mount?: string;
  /** Calls without this namespace do not find the mount. */
  readonly namespace?: string;
  /** Ms, for the life of tokens. */
  readonly now?: () => number;
}

export interface TokenRules {
  /** Paths behind the mount that the token may read; each ends where a segment ends. Default: all. */
  readonly reads?: readonly string[];
  /** Seconds; 0: for ever. */
  readonly leaseS?: number;
  /** Seconds from its making that no renewal goes beyond. */
  readonly lifeS?: number;
  readonly renewable?: boolean;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What takes the place of an answer. */
export type Misbehaviour =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'silence' }
  | { readonly kind: 'reset' };

export interface VaultServer {
  readonly url: string;
  readonly rootToken: string;
  /** The requests so far; the test's to empty. */
  readonly seen: SeenRequest[];
  makeToken(rules?: TokenRules): string;
  revoke(token: string): void;
  makeRole(rules?: TokenRules): { readonly roleId: string; readonly secretId: string };
  /** Sets fields of a secret without a call. */
  write(path: string, fields: Readonly<Record<string, unknown>>): void;
  seal(isSealed: boolean): void;
  /** From now on; undefined: as Vault does. */
  misbehave(how: Misbehaviour | undefined): void;
  close(): Promise<void>;
}

interface Version {
  readonly createdAt: string;
  fields: Readonly<Record<string, unknown>> | undefined;
  deletedAt: string;
  isDestroyed: boolean;
}

interface Token {
  readonly rules: TokenRules;
  readonly madeAt: number;
  expiresAt: number;
}

interface Answer {
  readonly status: number;
  readonly body?: object;
}

const MS_PER_SECOND = 1_000;
const refused = (status: number, ...errors: readonly string[]): Answer => ({
  status,
  body: { errors },
});
const DENIED = refused(403, 'permission denied');
const NOT_FOUND = refused(404);

/** Starts one on a free port of loopback. */
export async function startVaultServer(options: VaultServerOptions = {}): Promise<VaultServer> {
  const vault = new Vault(options);
  const seen: SeenRequest[] = [];
  let misbehaviour: Misbehaviour | undefined;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, headers });
    switch (misbehaviour?.kind) {
      case 'silence':
        return;
      case 'reset':
        request.socket.destroy();
        return;
      case 'answer':
        response.writeHead(misbehaviour.status, misbehaviour.headers).end(misbehaviour.body);
        return;
      case undefined:
        void answerTo(vault, request).then(({ status, body }) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(body === undefined ? undefined : goJson(body));
        });
    }
  };
  const server =
    options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    rootToken: vault.makeToken({}),
    seen,
    makeToken: (rules = {}) => vault.makeToken(rules),
    revoke: (token) => {
      vault.tokens.delete(token);
    },
    makeRole: (rules = {}) => vault.makeRole(rules),
    write: (path, fields) => {
      vault.put(path, fields);
    },
    seal: (isSealed) => {
      vault.isSealed = isSealed;
    },
    misbehave: (how) => {
      misbehaviour = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As Go's encoder writes it: these three are escaped, though JSON does not ask for it. */
const goJson = (body: object): string =>
  `${JSON.stringify(body).replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)}\n`;

async function answerTo(vault: Vault, request: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  let input: unknown;
  try {
    input = text === '' ? {} : JSON.parse(text);
  } catch {
    return refused(400, 'failed to parse JSON input');
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://vault');
  const list = request.method === 'GET' && searchParams.has('list');
  return vault.answer({
    method: list ? 'LIST' : (request.method ?? ''),
    path: decodeURIComponent(pathname).replace(/^\/v1\//, ''),
    version: Number(searchParams.get('version') ?? 0),
    token: textHeader(request, 'x-vault-token'),
    namespace: textHeader(request, 'x-vault-namespace'),
    input: Object(input),
  });
}

const textHeader = ({ headers }: IncomingMessage, name: string): string => {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
};

interface Call {
  readonly method: string;
  /** Behind `/v1/`. */
  readonly path: string;
  /** 0: the newest. */
  readonly version: number;
  readonly token: string;
  readonly namespace: string;
  readonly input: Readonly<Record<string, unknown>>;
}

class Vault {
  readonly tokens = new Map<string, Token>();
  isSealed = false;
  readonly #mount: string;
  readonly #namespace: string;
  readonly #now: () => number;
  readonly #roles = new Map<string, { readonly secretId: string; readonly rules: TokenRules }>();
  readonly #secrets = new Map<string, Version[]>();

  constructor({ mount = 'secret', namespace = '', now = Date.now }: VaultServerOptions) {
    this.#mount = mount;
    this.#namespace = namespace;
    this.#now = now;
  }

  makeToken(rules: TokenRules): string {
    const token = `hvs.${randomUUID().replaceAll('-', '')}`;
    const madeAt = this.#now();
    this.tokens.set(token, { rules, madeAt, expiresAt: this.#expiry(rules, madeAt) });
    return token;
  }

  makeRole(rules: TokenRules): { readonly roleId: string; readonly secretId: string } {
    const [roleId, secretId] = [randomUUID(), randomUUID()];
    this.#roles.set(roleId, { secretId, rules });
    return { roleId, secretId };
  }

  put(path: string, fields: Readonly<Record<string, unknown>>): Version {
    const versions = this.#secrets.get(path) ?? [];
    const createdAt = new Date(this.#now()).toISOString();
    const version: Version = { createdAt, fields, deletedAt: '', isDestroyed: false };
    this.#secrets.set(path, [...versions, version]);
    return version;
  }

  answer(call: Call): Answer {
    const { path } = call;
    if (path === 'sys/health') return this.#health();
    if (path === 'sys/seal-status') return { status: 200, body: this.#sealStatus() };
    if (this.isSealed) return refused(503, 'Vault is sealed');
    if (call.namespace !== this.#namespace) {
      return refused(404, `no handler for route "${path}". route entry not found.`);
    }
    if (path === 'auth/approle/login') return this.#login(call);
    const token = this.#live(call.token);
    if (token === undefined) return DENIED;
    if (path === 'auth/token/renew-self') return this.#renew(call.token, token);
    if (path === 'auth/token/lookup-self') return this.#lookup(call.token, token);
    const prefix = `${this.#mount}/`;
    const [verb = '', ...segments] = path.startsWith(prefix)
      ? path.slice(prefix.length).split('/')
      : [];
    const secret = segments.join('/');
    if (!mayRead(token.rules, secret.replace(/\/$/, ''))) return DENIED;
    return this.#secretAnswer(verb, secret, call);
  }

  #secretAnswer(verb: string, path: string, call: Call): Answer {
    switch (`${call.method} ${verb}`) {
      case 'GET data':
        return this.#read(path, call.version);
      case 'POST data':
      case 'PUT data':
        return this.#write(path, call.input);
      case 'PATCH data':
        return this.#patch(path, call.input);
      case 'DELETE data':
        return this.#mark(path, [this.#versions(path).length], 'delete');
      case 'POST delete':
      case 'PUT delete':
        return this.#mark(path, versionsIn(call.input), 'delete');
      case 'POST undelete':
      case 'PUT undelete':
        return this.#mark(path, versionsIn(call.input), 'undelete');
      case 'POST destroy':
      case 'PUT destroy':
        return this.#mark(path, versionsIn(call.input), 'destroy');
      case 'GET metadata':
        return this.#metadata(path);
      case 'LIST metadata':
        return this.#list(path);
      case 'DELETE metadata':
        this.#secrets.delete(path);
        return { status: 204 };
      default:
        return refused(405, 'unsupported operation');
    }
  }

  #versions(path: string): readonly Version[] {
    return this.#secrets.get(path) ?? [];
  }

  #read(path: string, wanted: number): Answer {
    const versions = this.#versions(path);
    const number = wanted === 0 ? versions.length : wanted;
    const version = versions[number - 1];
    if (version === undefined) return NOT_FOUND;
    const isGone = version.isDestroyed || version.deletedAt !== '';
    const data = { data: isGone ? null : version.fields, metadata: metadataOf(version, number) };
    return { status: isGone ? 404 : 200, body: envelope(data) };
  }

  #write(path: string, input: Call['input']): Answer {
    const { data, options } = input;
    if (typeof data !== 'object' || data === null) return refused(400, 'no data provided');
    const { cas } = Object(options);
    if (cas !== undefined && cas !== this.#versions(path).length) {
      return refused(400, 'check-and-set parameter did not match the current version');
    }
    const version = this.put(path, { ...data });
    return { status: 200, body: envelope(metadataOf(version, this.#versions(path).length)) };
  }

  #patch(path: string, input: Call['input']): Answer {
    const current = this.#versions(path).at(-1)?.fields;
    if (current === undefined) return NOT_FOUND;
    return this.#write(path, { ...input, data: { ...current, ...Object(input['data']) } });
  }

  #mark(path: string, numbers: readonly number[], act: 'delete' | 'undelete' | 'destroy'): Answer {
    const versions = this.#versions(path);
    for (const version of numbers.flatMap((number) => versions[number - 1] ?? [])) {
      if (act === 'destroy') Object.assign(version, { isDestroyed: true, fields: undefined });
      else version.deletedAt = act === 'delete' ? new Date(this.#now()).toISOString() : '';
    }
    return { status: 204 };
  }

  #metadata(path: string): Answer {
    const versions = this.#versions(path);
    if (versions.length === 0) return NOT_FOUND;
    const rows = versions.map((version, at) => [String(at + 1), metadataOf(version, at + 1)]);
    const body = envelope({ current_version: versions.length, versions: Object.fromEntries(rows) });
    return { status: 200, body };
  }

  #list(folder: string): Answer {
    const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
    const keys = [...this.#secrets.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length).replace(/\/.*/, '/'));
    if (keys.length === 0) return NOT_FOUND;
    return { status: 200, body: envelope({ keys: [...new Set(keys)].toSorted() }) };
  }

  #login({ method, input }: Call): Answer {
    const role = this.#roles.get(String(input['role_id']));
    if (method !== 'POST' && method !== 'PUT') return refused(405, 'unsupported operation');
    if (role?.secretId !== input['secret_id']) return refused(400, 'invalid role or secret ID');
    return this.#authAnswer(this.makeToken(role?.rules ?? {}));
  }

  #renew(id: string, token: Token): Answer {
    if (token.rules.renewable === false) return refused(400, 'lease is not renewable');
    token.expiresAt = this.#expiry(token.rules, token.madeAt);
    return this.#authAnswer(id);
  }

  #lookup(id: string, token: Token): Answer {
    const { renewable = true } = token.rules;
    return { status: 200, body: envelope({ id, ttl: this.#leftS(token), renewable }) };
  }

  #authAnswer(id: string): Answer {
    const token = this.tokens.get(id);
    if (token === undefined) return DENIED;
    const { renewable = true } = token.rules;
    const auth = {
      client_token: id,
      accessor: randomUUID(),
      policies: ['default'],
      lease_duration: this.#leftS(token),
      renewable,
    };
    return { status: 200, body: { ...envelope(null), auth } };
  }

  #expiry({ leaseS = 0, lifeS = Infinity }: TokenRules, madeAt: number): number {
    if (leaseS === 0) return Infinity;
    return Math.min(this.#now() + leaseS * MS_PER_SECOND, madeAt + lifeS * MS_PER_SECOND);
  }

  #leftS({ expiresAt }: Token): number {
    if (expiresAt === Infinity) return 0;
    return Math.max(0, Math.floor((expiresAt - this.#now()) / MS_PER_SECOND));
  }

  #live(id: string): Token | undefined {
    const token = this.tokens.get(id);
    return token !== undefined && token.expiresAt > this.#now() ? token : undefined;
  }

  #health(): Answer {
    return { status: this.isSealed ? 503 : 200, body: { ...this.#sealStatus(), standby: false } };
  }

  #sealStatus(): object {
    return { initialized: true, sealed: this.isSealed, t: 1, n: 1, progress: 0, version: '1.17.0' };
  }
}

const mayRead = ({ reads }: TokenRules, path: string): boolean =>
  reads === undefined || reads.some((one) => path === one || path.startsWith(`${one}/`));

const versionsIn = (input: Call['input']): readonly number[] => {
  const { versions } = input;
  return Array.isArray(versions) ? versions.map(Number) : [];
};

const metadataOf = ({ createdAt, deletedAt, isDestroyed }: Version, version: number): object => ({
  created_time: createdAt,
  custom_metadata: null,
  deletion_time: deletedAt,
  destroyed: isDestroyed,
  version,
});

const envelope = (data: object | null): object => ({
  request_id: randomUUID(),
  lease_id: '',
  renewable: false,
  lease_duration: 0,
  data,
  wrap_info: null,
  warnings: null,
  auth: null,
});
