/** `ifab config`: what is in force, and why. */
import { Config, explainConfig, readConfig } from '@infrafabric/fabric';
import type { ConfigExplanation, ConfigKey, ConfigSource, LoadedConfig } from '@infrafabric/fabric';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { cell, pairs, table } from '../output/terminal.ts';
import { nearest } from '../plans/issues.ts';
import { configInputs } from '../server/config-inputs.ts';
import { configFiles, readClientSettings } from '../server/settings.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

const isKey = (word: string): word is ConfigKey => Object.hasOwn(Config.shape, word);
const KEYS: readonly ConfigKey[] = Object.keys(Config.shape).filter(isKey);

export const showSettings: CommandRun = async (context) => {
  const loaded = readConfig(configInputs(context));
  const rows = KEYS.map((key) => explained(loaded, key));
  context.out.data(
    Object.fromEntries(rows.map(({ key, value, from }) => [key, { value, from }])),
    (terminal) =>
      table(
        terminal,
        ['SETTING', 'VALUE', 'FROM'],
        rows.map(({ key, value, from }) => [
          cell(key),
          cell(valueText(value)),
          cell(sourceText(from)),
        ]),
      ),
  );
  return EXIT_DONE;
};

export const explainSetting: CommandRun = async (context) => {
  const [word = ''] = context.args;
  if (word === 'tokenFile') return explainTokenFile(context);
  if (!isKey(word)) {
    const near = nearest(word, KEYS);
    throw cliError(
      'cli.usage',
      `there is no setting “${word}”`,
      near === undefined ? `There are: ${KEYS.join(', ')}` : `Did you mean ${near}?`,
      near === undefined ? {} : { facts: { near } },
    );
  }
  const explanation = explained(readConfig(configInputs(context)), word);
  context.out.data(explanation, (terminal) =>
    pairs(terminal, [
      [explanation.key, valueText(explanation.value), 'bold'],
      ['from', sourceText(explanation.from)],
      ...explanation.hid.map(
        ({ from, value }) => ['hides', `${valueText(value)}, from ${sourceText(from)}`] as const,
      ),
    ]),
  );
  return EXIT_DONE;
};

/** The folder is a default that depends on where one stands: it is shown as it came out. */
const explained = (loaded: LoadedConfig, key: ConfigKey): ConfigExplanation => {
  const explanation = explainConfig(loaded, key);
  return key === 'dataDir' ? { ...explanation, value: loaded.config.dataDir } : explanation;
};

const explainTokenFile = async ({ flags, io, out }: CommandContext): Promise<number> => {
  const { tokenFile } = readClientSettings(flags, io.env, io.cwd);
  const from =
    flags.tokenFile !== undefined
      ? 'flag'
      : tokenFile === undefined
        ? 'default'
        : 'IFAB_TOKEN_FILE';
  const value = tokenFile ?? 'keys/operator.token of the data folder';
  out.data({ key: 'tokenFile', value, from }, (terminal) =>
    pairs(terminal, [
      ['tokenFile', value, 'bold'],
      ['from', from],
    ]),
  );
  return EXIT_DONE;
};

export const showPaths: CommandRun = async ({ io, out, flags }) => {
  const files = configFiles(io.env, io.cwd);
  const { dataDir } = readClientSettings(flags, io.env, io.cwd);
  out.data({ files, dataDir }, (terminal) =>
    table(
      terminal,
      ['READ AS', 'PATH', 'THERE'],
      [
        ...files.map(({ kind, path, exists }) => [
          cell(kind),
          cell(path),
          cell(exists ? 'yes' : 'no'),
        ]),
        [cell('data folder'), cell(dataDir), cell('')],
      ],
    ),
  );
  return EXIT_DONE;
};

const valueText = (value: unknown): string => {
  if (value === undefined) return 'not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const sourceText = (from: ConfigSource): string => {
  switch (from.kind) {
    case 'flag':
      return 'the command line';
    case 'env':
      return from.name;
    case 'project':
    case 'user':
      return from.path;
    case 'default':
      return 'default';
  }
};
