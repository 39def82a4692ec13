import {
  PRICE_CATALOGUE,
  RUN_MEMORY_MIB_DEFAULT,
  RUN_MEMORY_MIB_LARGE_MODEL,
} from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { memoryMibOfModel } from './model-memory.ts';

test('the memory of a guest follows the size of the model, for every model of the catalogue', () => {
  const memory = Object.fromEntries(
    PRICE_CATALOGUE.models.map(({ model }) => [model, memoryMibOfModel(model)]),
  );
  expect(memory).toEqual({
    'claude-fable-5-1': 512,
    'claude-opus-5-5': 512,
    'claude-opus-5': 512,
    'claude-sonnet-5-5': 512,
    'claude-sonnet-5': 512,
    'claude-haiku-5-5': 256,
    'claude-haiku-4-5-20251001': 256,
    'gpt-5.5': 512,
    'gpt-5.4': 512,
    'gpt-5.4-mini': 256,
    'gpt-5.4-nano': 256,
    'gemini-2.5-pro': 512,
    'gemini-2.5-flash': 256,
    'mistral-medium-3.5': 512,
    'deepseek-flash': 256,
    'deepseek-v4-pro': 512,
    '002/haiku': 256,
    '002/sonnet': 512,
  });
});

test.each([
  ['Anthropic/Claude-Opus-4', RUN_MEMORY_MIB_LARGE_MODEL],
  ['sonnet', RUN_MEMORY_MIB_LARGE_MODEL],
  ['gpt-4o', RUN_MEMORY_MIB_LARGE_MODEL],
  ['gpt-4o-mini', RUN_MEMORY_MIB_DEFAULT],
  ['gpt-3.5-turbo', RUN_MEMORY_MIB_DEFAULT],
  ['qwen3-max', RUN_MEMORY_MIB_LARGE_MODEL],
  ['llama-3.1-405b', RUN_MEMORY_MIB_LARGE_MODEL],
  ['llama3.3:70b', RUN_MEMORY_MIB_LARGE_MODEL],
  ['llama-3.1-8b', RUN_MEMORY_MIB_DEFAULT],
  ['gemini', RUN_MEMORY_MIB_DEFAULT],
  ['protein-folder', RUN_MEMORY_MIB_DEFAULT],
  ['', RUN_MEMORY_MIB_DEFAULT],
  [undefined, RUN_MEMORY_MIB_DEFAULT],
])('%s has %d MiB', (model, memoryMib) => {
  expect(memoryMibOfModel(model)).toBe(memoryMib);
});
