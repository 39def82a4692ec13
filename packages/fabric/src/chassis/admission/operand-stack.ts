/**
 * How high the operand stack of a function is, without the types of what is on it. A compiler keeps the state of every
 * local and operand for each block that it may have to merge, so their product is what a function may cost:
 * 120 KB of blocks above 20,000 operands took 3.3 GB at the first call, 130 KB of calls with 100 results more than 6 GB.
 */
import { MERGED_VALUES_MAX, NESTING_MAX, OPERANDS_MAX } from './limits.ts';
import { OPCODE } from './opcodes.ts';
import { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import type { ModuleShape } from './shape.ts';
import { effectOf, endsPath } from './stack-effects.ts';
import { isValueType } from './types.ts';

interface Block {
  /** Height below its parameters. */
  readonly floor: number;
  readonly parameters: number;
  readonly results: number;
  /** Whether the code around it is reached. */
  readonly reachable: boolean;
}

const EMPTY_BLOCK_TYPE = 0x40;

export class OperandStack {
  private readonly shape: ModuleShape;
  private readonly indexReader: ByteReader;
  private readonly blocks: Block[] = [];
  private height = 0;
  /** Height below what the innermost block may take. */
  private floor = 0;
  /** False behind a branch that is always taken: there the stack holds whatever is asked of it. */
  private reachable = true;
  private locals = 0;
  private merged = 0;

  constructor(bytes: Uint8Array, shape: ModuleShape) {
    this.shape = shape;
    this.indexReader = new ByteReader(bytes);
  }

  /** Begins a function of that type. */
  begin(type: number, locals: number): void {
    const { parameters = 0, results = 0 } = this.shape.arities[type] ?? {};
    this.locals = locals + parameters;
    this.height = 0;
    this.floor = 0;
    this.merged = 0;
    this.reachable = true;
    this.blocks.length = 0;
    this.blocks.push({ floor: 0, parameters: 0, results, reachable: true });
  }

  /** Takes an instruction that was read at `at`. Returns false behind the function's last `end`. */
  take(opcode: number, at: number): boolean {
    switch (opcode) {
      case OPCODE.block:
      case OPCODE.loop:
      case OPCODE.if:
        this.open(opcode, at);
        return true;
      case OPCODE.else:
        this.again(at);
        return true;
      case OPCODE.end:
        return this.close(at);
      case OPCODE.call:
        this.call(this.shape.functions[this.indexAt(at)], at);
        return true;
      case OPCODE.callIndirect:
        this.change(effectOf(opcode), at);
        this.call(this.indexAt(at), at);
        return true;
      default:
        this.change(effectOf(opcode), at);
        if (endsPath(opcode)) this.end();
        return true;
    }
  }

  private open(opcode: number, at: number): void {
    if (opcode === OPCODE.if) this.change(-1, at);
    // The body is a block of its own that nobody wrote.
    atMost(
      { most: NESTING_MAX, code: 'nesting-too-deep', of: 'blocks inside each other' },
      this.blocks.length,
      at,
    );
    this.merged += this.locals + this.height;
    atMost(
      {
        most: MERGED_VALUES_MAX,
        code: 'too-many-merges',
        of: 'locals and operands at the blocks of one function',
      },
      this.merged,
      at,
    );
    const type = this.blockTypeAt(at);
    this.change(-type.parameters, at);
    this.blocks.push({ floor: this.height, ...type, reachable: this.reachable });
    this.floor = this.height;
    this.reachable = true;
    this.change(type.parameters, at);
  }

  private again(at: number): void {
    const block = this.blocks.at(-1);
    if (block === undefined) throw new Refusal('malformed', 'An else has no if.', at);
    this.height = block.floor + block.parameters;
    this.reachable = true;
  }

  private close(at: number): boolean {
    const block = this.blocks.pop();
    if (block === undefined) throw new Refusal('malformed', 'A block ends that never began.', at);
    if (this.reachable && this.height !== block.floor + block.results)
      throw new Refusal('malformed', 'A block leaves other operands than its type says.', at);
    this.height = block.floor + block.results;
    this.floor = this.blocks.at(-1)?.floor ?? 0;
    this.reachable = block.reachable;
    return this.blocks.length > 0;
  }

  private end(): void {
    this.height = this.floor;
    this.reachable = false;
  }

  private call(type: number | undefined, at: number): void {
    const arity = type === undefined ? undefined : this.shape.arities[type];
    if (arity === undefined) throw new Refusal('malformed', 'A call has no type.', at);
    this.change(-arity.parameters, at);
    this.change(arity.results, at);
  }

  private change(by: number, at: number): void {
    this.height += by;
    if (this.height >= this.floor && this.height <= OPERANDS_MAX) return;
    if (this.height >= this.floor)
      atMost(
        { most: OPERANDS_MAX, code: 'stack-too-high', of: 'operands on the stack' },
        this.height,
        at,
      );
    if (this.reachable) throw new Refusal('malformed', 'An instruction lacks an operand.', at);
    this.height = this.floor;
  }

  private indexAt(at: number): number {
    this.indexReader.at = at + 1;
    return this.indexReader.u32();
  }

  private blockTypeAt(at: number): { readonly parameters: number; readonly results: number } {
    this.indexReader.at = at + 1;
    const type = this.indexReader.peek();
    if (type === EMPTY_BLOCK_TYPE) return { parameters: 0, results: 0 };
    if (isValueType(type)) return { parameters: 0, results: 1 };
    const arity = this.shape.arities[this.indexReader.blockTypeIndex()];
    if (arity === undefined) throw new Refusal('malformed', 'A block has no type.', at);
    return arity;
  }
}
