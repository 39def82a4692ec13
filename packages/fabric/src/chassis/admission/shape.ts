/** What the parser learns of a module. It grows with the bytes that were read, never with what they claim. */

export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

export interface ImportSeen {
  readonly module: string;
  readonly name: string;
  readonly kind: number;
  /** Of a function: the index of its signature. */
  readonly type: number;
  readonly offset: number;
}

export interface ExportSeen {
  readonly kind: number;
  readonly index: number;
}

export interface ModuleShape {
  /** Where the signature of each type begins. */
  readonly types: number[];
  /** How many parameters and results each type has. */
  readonly arities: { readonly parameters: number; readonly results: number }[];
  readonly imports: ImportSeen[];
  /** Signature of each function, imported ones first. */
  readonly functions: number[];
  importedFunctions: number;
  tables: number;
  memories: number;
  /** Pages of 64 KiB that the memory begins with. */
  memoryPages: number;
  globals: number;
  /** A Map, because guests choose the names (`__proto__`). */
  readonly exports: Map<string, ExportSeen>;
  /** Where the start function is named. */
  startOffset: number | undefined;
  /** Its index; of use only where there is one. */
  startFunction: number;
  segments: number;
  elements: number;
  dataCount: number | undefined;
  dataSegments: number;
  bodies: number;
  customBytes: number;
  customSections: number;
  /** Bytes of all names of imports and exports. */
  nameBytes: number;
}

export const emptyShape = (): ModuleShape => ({
  types: [],
  arities: [],
  imports: [],
  functions: [],
  importedFunctions: 0,
  tables: 0,
  memories: 0,
  memoryPages: 0,
  globals: 0,
  exports: new Map(),
  startOffset: undefined,
  startFunction: 0,
  segments: 0,
  elements: 0,
  dataCount: undefined,
  dataSegments: 0,
  bodies: 0,
  customBytes: 0,
  customSections: 0,
  nameBytes: 0,
});
