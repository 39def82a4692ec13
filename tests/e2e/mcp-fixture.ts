/** What the conformance suite asks a server to offer, over the transport that the fabric's own tools stand on. */
import {
  completable,
  inputRequired,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import type { McpServerFactory } from '@modelcontextprotocol/server';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

/** One red pixel, and a wave of no samples. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };
const textOf = (text: string) => ({ type: 'text' as const, text });

/** As with the fabric's own tools: what is offered changes with a release only. */
const FIXED = { listChanged: false };

export const conformanceFixture: McpServerFactory = () => {
  const server = new McpServer(
    { name: 'infrafabric-conformance', version: '0.0.0' },
    {
      capabilities: {
        tools: FIXED,
        resources: FIXED,
        prompts: FIXED,
        completions: {},
        logging: {},
      },
    },
  );
  addTools(server);
  addDiagnosticTools(server);
  addResources(server);
  addPrompts(server);
  return server;
};

function addTools(server: McpServer): void {
  const simple = (name: string, content: readonly object[]): void => {
    server.registerTool(name, { description: `Returns ${name}.` }, () => ({
      content: content as [typeof image],
    }));
  };
  simple('test_simple_text', [textOf('This is a simple text response for testing.')]);
  simple('test_image_content', [image]);
  simple('test_audio_content', [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]);
  simple('test_embedded_resource', [
    {
      type: 'resource',
      resource: {
        uri: 'test://embedded-resource',
        mimeType: 'text/plain',
        text: 'This is an embedded resource content.',
      },
    },
  ]);
  simple('test_multiple_content_types', [
    textOf('Multiple content types test:'),
    image,
    {
      type: 'resource',
      resource: {
        uri: 'test://mixed-content-resource',
        mimeType: 'application/json',
        text: '{"test":"data","value":123}',
      },
    },
  ]);
  server.registerTool('test_error_handling', { description: 'Always fails.' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Tells its progress.' },
    async ({ mcpReq }) => {
      const { _meta: meta } = mcpReq;
      const token = meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        const params = { progressToken: token ?? 0, progress, total: 100 };
        if (token !== undefined) await mcpReq.notify({ method: 'notifications/progress', params });
        await pause(50);
      }
      return { content: [textOf('Done.')] };
    },
  );
}

/** Tools by which the suite looks at the transport: capabilities, streams, logging. */
function addDiagnosticTools(server: McpServer): void {
  server.registerTool('test_missing_capability', { description: 'Needs sampling.' }, () =>
    inputRequired({
      inputRequests: {
        words: inputRequired.createMessage({
          messages: [{ role: 'user', content: textOf('Say something.') }],
          maxTokens: 10,
        }),
      },
    }),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks back.' }, () =>
    inputRequired({
      inputRequests: {
        name: inputRequired.elicit({
          message: 'Who are you?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        }),
      },
    }),
  );
  for (const name of ['test_logging_tool', 'test_tool_with_logging']) {
    server.registerTool(name, { description: 'Logs as it goes.' }, async ({ mcpReq }) => {
      for (const line of [
        'Tool execution started',
        'Tool processing data',
        'Tool execution completed',
      ]) {
        // Deprecated in 2026-07-28 and still part of what legacy clients are promised.
        // oxlint-disable-next-line typescript/no-deprecated
        await mcpReq.log('info', line);
        await pause(50);
      }
      return { content: [textOf('Done.')] };
    });
  }
}

function addResources(server: McpServer): void {
  const described = (mimeType: string) => ({ description: 'For conformance.', mimeType });
  server.registerResource('static-text', 'test://static-text', described('text/plain'), (uri) => ({
    contents: [
      {
        uri: uri.href,
        mimeType: 'text/plain',
        text: 'This is the content of the static text resource.',
      },
    ],
  }));
  server.registerResource(
    'static-binary',
    'test://static-binary',
    described('image/png'),
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: PNG }] }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    described('application/json'),
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
}

function addPrompts(server: McpServer): void {
  const user = (content: object) => ({ role: 'user' as const, content: content as typeof image });
  server.registerPrompt('test_simple_prompt', { description: 'Simple.' }, () => ({
    messages: [user(textOf('This is a simple prompt for testing.'))],
  }));
  const argument = completable(z.string(), (value) =>
    ['paris', 'park', 'party'].filter((word) => word.startsWith(value)),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments.', argsSchema: z.object({ arg1: argument, arg2: z.string() }) },
    ({ arg1, arg2 }) => ({
      messages: [user(textOf(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With a resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        user({
          type: 'resource',
          resource: {
            uri: resourceUri,
            mimeType: 'text/plain',
            text: 'Embedded resource content for testing.',
          },
        }),
        user(textOf('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With an image.' }, () => ({
    messages: [user(image), user(textOf('Please analyze the image above.'))],
  }));
}
