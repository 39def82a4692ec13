/** Cases 24–40: modules that are bombs, or no modules. */
import { attack, type ModuleAttack, SPIN_LIMITS, watAttack } from './attack.ts';
import {
  body,
  bytesOf,
  code,
  concat,
  exported,
  exports,
  functions,
  functionType,
  localsOf,
  moduleOf,
  repeat,
  runModule,
  section,
  types,
  u32,
} from './binary.ts';
import * as bombs from './bombs.ts';

const refused = (
  number: number,
  name: string,
  bytes: () => Uint8Array,
  refusal: string,
): ModuleAttack => attack(number, name, bytes, 'refused', { code: refusal });

const BOMBS: readonly ModuleAttack[] = [
  refused(24, '1 M functions', () => bombs.manyFunctions(1_000_000), 'too-many-functions'),
  refused(25, 'a function of 7 MB', () => bombs.largeFunction(7_000_000), 'body-too-large'),
  refused(
    26,
    '300 loops that merge 50 k locals',
    () => bombs.phiBomb({ loops: 300, locals: 50_000 }),
    'too-many-locals',
  ),
  refused(
    26,
    '10 k loops that merge 5 k locals, in 120 KB',
    () => bombs.phiBomb({ loops: 10_000, locals: 5_000 }),
    'too-many-merges',
  ),
  refused(27, 'a br_table of 7 MB', () => bombs.branchTableBomb(7_000_000), 'body-too-large'),
  refused(27, 'a br_table of 120 KB', () => bombs.branchTableBomb(120_000), 'br-table-too-large'),
  refused(28, '1 M nested blocks', () => bombs.nestedBlocks(1_000_000), 'body-too-large'),
  refused(28, '20 k nested blocks', () => bombs.nestedBlocks(20_000), 'nesting-too-deep'),
  refused(
    29,
    '20 k functions of 50 k locals',
    () => bombs.manyLocals({ functions: 20_000, locals: 50_000 }),
    'too-many-locals',
  ),
  refused(
    29,
    'four billion locals',
    () => runModule(bytesOf(), localsOf(0xffff_ffff)),
    'too-many-locals',
  ),
  refused(30, '1 M types', () => bombs.manyTypes(1_000_000), 'too-many-types'),
  refused(31, '100 k imports', () => bombs.manyImports(100_000), 'too-many-imports'),
  refused(32, '500 k exports', () => bombs.manyExports(500_000), 'too-many-exports'),
  refused(33, '1 M globals', () => bombs.manyGlobals(1_000_000), 'too-many-globals'),
  refused(
    34,
    '100 k data segments of 100 MB',
    () => bombs.manyDataSegments({ segments: 100_000, bytesEach: 1_000 }),
    'module-too-large',
  ),
  refused(
    34,
    '100 k data segments of nothing',
    () => bombs.manyDataSegments({ segments: 100_000, bytesEach: 0 }),
    'too-many-segments',
  ),
  refused(
    35,
    'a custom section of 100 MB',
    () => bombs.customSection(100_000_000),
    'module-too-large',
  ),
  refused(
    35,
    'a custom section of 12 MB',
    () => bombs.customSection(12_000_000),
    'custom-too-large',
  ),
];

/** What every limit still allows: it has to end, and to leave the next run alone. */
const INSIDE_THE_LIMITS: readonly ModuleAttack[] = [
  attack(24, '50 k functions', () => bombs.manyFunctions(50_000), 'completed'),
  attack(
    26,
    '390 loops that merge 5 k locals',
    () => bombs.phiBomb({ loops: 390, locals: 5_000 }),
    'completed',
  ),
  attack(
    29,
    '30 k functions of 5 k locals, all called',
    () => bombs.manyLocals({ functions: 30_000, locals: 5_000 }),
    'killed',
    { causes: ['completed', 'cpu', 'wall', 'memory', 'crashed'], limits: SPIN_LIMITS },
  ),
  attack(
    27,
    'more code than may be committed: 120 functions of 13 tables of 10 k targets',
    () => {
      const table = concat(
        bytesOf(0x02, 0x40, 0x41, 0x00, 0x0e),
        u32(10_000),
        new Uint8Array(10_001),
        bytesOf(0x0b),
      );
      const count = 120;
      const calls = Array.from({ length: count }, (_, at) => concat(bytesOf(0x10), u32(at + 1)));
      return moduleOf(
        types(functionType()),
        functions(...Array.from({ length: count + 1 }, () => 0)),
        exports(exported('run', 0)),
        section(10, u32(count + 1), body(concat(...calls)), repeat(body(repeat(table, 13)), count)),
      );
    },
    'killed',
    { causes: ['completed', 'crashed', 'cpu', 'wall', 'memory'], limits: SPIN_LIMITS },
  ),
];

const whole = (): Uint8Array => bombs.manyGlobals(3);

const BROKEN: readonly ModuleAttack[] = [
  refused(36, 'cut in the middle', () => whole().slice(0, 30), 'truncated'),
  refused(
    36,
    'a number of six bytes',
    () => runModule(bytesOf(0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)),
    'bad-integer',
  ),
  refused(
    36,
    'a number above 32 bits',
    () => runModule(bytesOf(0x10, 0x80, 0x80, 0x80, 0x80, 0x10)),
    'bad-integer',
  ),
  refused(
    36,
    'a length of 4 GiB',
    () => moduleOf(concat(bytesOf(0x01), u32(0xffff_ffff))),
    'truncated',
  ),
  refused(
    37,
    'a section that stands there twice',
    () => moduleOf(types(functionType()), types(functionType())),
    'bad-section',
  ),
  refused(
    37,
    'sections out of order',
    () => moduleOf(types(functionType()), exports(), functions(0)),
    'bad-section',
  ),
  refused(
    40,
    'a name that is not UTF-8',
    () =>
      moduleOf(
        types(functionType()),
        functions(0),
        section(7, bytesOf(0x02), exported('run', 0), bytesOf(0x02, 0xc0, 0x80, 0x00, 0x00)),
        code(body(bytesOf())),
      ),
    'bad-utf8',
  ),
  watAttack(
    40,
    'exports named for what objects inherit',
    `(module (global (export "__proto__") i32 (i32.const 1)) (func (export "constructor"))
      (func (export "toString")) (func (export "hasOwnProperty")) (func (export "then")) (func (export "run")))`,
    'completed',
  ),
  watAttack(
    40,
    '__proto__ as the entrypoint',
    '(module (func (export "__proto__")))',
    'completed',
    { entrypoint: '__proto__' },
  ),
];

const PROPOSALS: readonly (readonly [string, Uint8Array])[] = [
  ['an exception', bytesOf(0x06, 0x40, 0x0b)],
  ['a try_table', bytesOf(0x1f, 0x40, 0x00, 0x0b)],
  ['a tail call', bytesOf(0x12, 0x00)],
  ['a call by reference', bytesOf(0xd2, 0x00, 0x14, 0x00)],
  ['a struct', bytesOf(0xfb, 0x01, 0x00, 0x1a)],
  ['a switch of stacks', bytesOf(0xe0, 0x00)],
  ['an atomic fence', bytesOf(0xfe, 0x03, 0x00)],
  ['relaxed SIMD', bytesOf(0xfd, 0x80, 0x02)],
];

export const FORMAT_ATTACKS: readonly ModuleAttack[] = [
  ...BOMBS,
  ...INSIDE_THE_LIMITS,
  ...BROKEN,
  ...PROPOSALS.map(([name, instructions]) =>
    refused(
      38,
      `an instruction of a proposal: ${name}`,
      () => runModule(instructions),
      'feature-refused',
    ),
  ),
  refused(
    38,
    'a type of garbage collection',
    () => moduleOf(section(1, bytesOf(0x01, 0x5f, 0x00))),
    'feature-refused',
  ),
  refused(
    38,
    'a tag',
    () => moduleOf(types(functionType()), section(13, bytesOf(0x01, 0x00, 0x00))),
    'feature-refused',
  ),
];
