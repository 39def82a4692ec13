import type { HttpBindings } from '@hono/node-server';
import { isOperationName, OPERATIONS, reject } from '@infrafabric/protocol';
import type { AnyOperation, OperationOf, Rejection } from '@infrafabric/protocol';
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { Principal } from '../../engine/fabric.ts';
import { getBlob, putBlob } from './blobs.ts';
import { callOperation } from './call.ts';
import { bearerOf } from './credential.ts';
import { streamFeed } from './feed.ts';
import { openapi } from './openapi.ts';
import type { Parts } from './parts.ts';
import type { CallContext } from './problem.ts';
import { problemResponse, rejectionOf } from './problem.ts';
import { SLO_SWARMS_MAX } from './run-metrics.ts';
import { unknownOperation } from './suggest.ts';
import { serveCheckpoint, serveTile } from './tiles.ts';

export interface AppEnv {
  readonly Bindings: HttpBindings & CallContext;
  readonly Variables: { principal: Principal };
}

export type AppContext = Context<AppEnv>;

/**
 * The routes. Host, Origin and the limits of the connection were checked before (start-http.ts).
 */
export function createApp(parts: Parts): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  // The routes that anybody may read: that it lives, and what proves the log without showing it.
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/checkpoint', (c) => serveCheckpoint(c, parts));
  app.get('/tile/:level{[0-9]+}/:rest{.+}', (c) => serveTile(c, parts));
  addRoutesWithCredential(app, parts);
  addRefusals(app, parts);
  return app;
}

function addRoutesWithCredential(app: Hono<AppEnv>, parts: Parts): void {
  const { fabric, metrics } = parts;
  const authenticated = async (
    c: AppContext,
    next: () => Promise<void>,
  ): Promise<Response | void> => {
    const known = fabric.authenticate(bearerOf(c.env.incoming));
    if (known.kind === 'reject') return refuse(c, known);
    c.set('principal', known.principal);
    return next();
  };
  // Names are public, so a wrong one is said before a credential is asked for.
  app.post('/v1/:operation', async (c, next) =>
    isOperationName(c.req.param('operation')) ? next() : c.notFound(),
  );
  app.post('/v1/:operation', authenticated, (c) => callOperation(c, parts));
  app.get('/v1/feed', authenticated, (c) => streamFeed(c, parts));
  app.put('/v1/blobs/:digest', authenticated, (c) => putBlob(c, parts));
  app.get('/v1/blobs/:digest', authenticated, (c) => getBlob(c, parts));
  // Bundles hold the entries themselves, so they are not for everybody as the hashes are.
  app.get('/tile/entries/:rest{.+}', authenticated, (c) => serveTile(c, parts));
  app.get('/readyz', authenticated, (c) => {
    const state = fabric.ready();
    return c.json(state, state.ready ? 200 : 503);
  });
  app.get('/openapi.json', authenticated, (c) => c.json(openapi(fabric.version)));
  app.get('/metrics', authenticated, async (c) => {
    const status = await fabric.call('realm.status', {}, { principal: c.get('principal') });
    if (status.kind === 'ok') metrics.setRealm(realmStatus.parse(status.output));
    const slos = await fabric.call(
      'slo.list',
      { limit: SLO_SWARMS_MAX },
      { principal: c.get('principal') },
    );
    if (slos.kind === 'ok') metrics.setRuns(sloList.parse(slos.output));
    return c.body(await metrics.text(), 200, { 'content-type': metrics.contentType });
  });
}

const realmStatus = operationNamed('realm.status').output;
const sloList = operationNamed('slo.list').output;

function operationNamed<N extends 'realm.status' | 'slo.list'>(name: N): OperationOf<N> {
  const isNamed = (operation: AnyOperation): operation is OperationOf<N> => operation.name === name;
  const operation = OPERATIONS.find(isNamed);
  if (operation === undefined) throw new Error(`the registry has no ${name}`);
  return operation;
}

/** What no route took: a wrong method where the path exists, an unknown name elsewhere. */
function addRefusals(app: Hono<AppEnv>, parts: Parts): void {
  app.notFound((c) => {
    const { path } = c.req;
    const allow = methodsOf(path);
    if (allow !== undefined) {
      const detail = `${path} is called with ${allow}.`;
      return refuse(c, reject('request.method', detail, { allow: allow.split(', ') }), { allow });
    }
    return refuse(c, unknownOperation(path.replace(/^\/(v1\/)?/, '')));
  });
  app.onError((cause, c) => {
    const rejection = rejectionOf(cause);
    // The only trace of it: the answer says nothing of the cause.
    parts.log.error({ event: 'http.failed', trace: c.env.trace, path: c.req.path, cause });
    return refuse(c, rejection);
  });
}

const READ = 'GET, HEAD';
const FIXED_METHODS: Readonly<Record<string, string>> = {
  '/healthz': READ,
  '/readyz': READ,
  '/metrics': READ,
  '/checkpoint': READ,
  '/openapi.json': READ,
  '/v1/feed': 'GET',
  '/v1/connect': 'GET',
};

function methodsOf(path: string): string | undefined {
  if (Object.hasOwn(FIXED_METHODS, path)) return FIXED_METHODS[path];
  if (path.startsWith('/tile/')) return READ;
  if (path.startsWith('/v1/blobs/')) return 'GET, HEAD, PUT';
  const name = path.startsWith('/v1/') ? path.slice('/v1/'.length) : '';
  return isOperationName(name) ? 'POST' : undefined;
}

function refuse(c: AppContext, rejection: Rejection, headers?: Record<string, string>): Response {
  return problemResponse(rejection, { trace: c.env.trace }, headers);
}
