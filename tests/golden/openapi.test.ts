import { expect, test } from 'vitest';
import { openapi } from '../../packages/fabric/src/surfaces/http/openapi.ts';

/** The document's own version; a release must not change the golden file. */
const VERSION = '0.0.0';

test('openapi.json is the public surface of HTTP', async () => {
  const document = `${JSON.stringify(openapi(VERSION), null, 2)}\n`;
  await expect(document).toMatchFileSnapshot('openapi.json');
});

test('every reference of the document leads to a schema of it', () => {
  const document = openapi(VERSION);
  const text = JSON.stringify(document);
  const names = new Set(
    [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name),
  );
  expect(names.size).toBeGreaterThan(5);
  for (const name of names) {
    expect(document, `schema ${name}`).toHaveProperty(['components', 'schemas', name ?? '']);
  }
  expect(text).not.toContain('$defs');
});
