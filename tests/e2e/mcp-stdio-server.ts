/** What `ifab mcp` does, without its options: a client of a running fabric, served to an agent on stdio. */
import process from 'node:process';
import { connect } from '../../packages/sdk/src/index.ts';
import { clientCaller, serveMcpStdio } from '../../packages/fabric/src/surfaces/mcp/index.ts';

const tell = (fields: Readonly<Record<string, unknown>>): void => {
  process.stderr.write(`${JSON.stringify(fields)}\n`);
};
const log = { debug: tell, info: tell, warn: tell, error: tell };
const client = await connect({
  url: process.env['IFAB_TEST_URL'] ?? '',
  token: process.env['IFAB_TEST_TOKEN'] ?? '',
});
await serveMcpStdio({ caller: clientCaller(client), version: '0.1.0', log });
client.close();
process.exit(0);
