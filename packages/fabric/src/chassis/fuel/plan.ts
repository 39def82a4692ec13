/**
 * Where a function pays, and how much.
 *
 * Cost model. One unit an instruction; `block`, `loop`, `else`, `end` and `nop` are free, because nothing runs for them;
 * entering a function costs one more. Instructions that work by length pay for it before they run (`length-cost.ts`), and
 * calls of small functions for what they call (`leaves.ts`).
 *
 * A *point* is a place where the count goes down: the entry of a function, the head of a loop, and wherever else it has
 * to. It pays for the straight code behind it. Code behind a branch may not run at all, and is paid by the point that
 * dominates it as long as that point has paid for at most `UNCERTAIN_UNITS_MAX` of such code; beyond, it gets a point of
 * its own. So small loops pay once a turn, and the hundred arms of an interpreter's loop do not pay for each other.
 *
 * M1  No instruction runs that was not paid for since it last ran: every path to it passes its point.
 * M2  Every turn of a loop and every call pays at least one unit.
 */
import { readInstruction } from '../admission/instructions.ts';
import { OPCODE } from '../admission/opcodes.ts';
import type { ByteReader } from '../admission/reader.ts';
import type { Leaves } from './leaves.ts';
import { lengthCostOf, type LengthCost } from './length-cost.ts';
import { globalIsTheirs, unitsOf } from './units.ts';

/**
 * Units that a point pays for code that may not run. Larger: an arm of a `switch` pays for its neighbours; smaller: more
 * points, and each takes the time of some four instructions.
 */
const UNCERTAIN_UNITS_MAX = 64;
/** What a call costs beyond its instructions: its frame. */
const ENTRY_UNITS = 1;

export interface Point {
  /** Byte of the module before which it stands. */
  readonly at: number;
  units: number;
  /** Units of it that are for code that may not run. */
  uncertain: number;
}

/** An instruction that pays by its operand. */
export interface LengthPoint {
  readonly at: number;
  readonly cost: LengthCost;
}

export interface BodyPlan {
  readonly points: readonly Point[];
  readonly lengths: readonly LengthPoint[];
}

/** What a block's end goes back to. */
interface Opened {
  readonly point: Point;
  readonly certain: boolean;
  readonly branches: number;
}

class Planner {
  readonly points: Point[] = [];
  readonly lengths: LengthPoint[] = [];
  /** It dominates the code that is being read. */
  private point: Point;
  /** Whether what is being read runs whenever its point pays. */
  private certain = true;
  private branches = 0;
  private from: number;
  private units = ENTRY_UNITS;
  private readonly open: Opened[] = [];

  constructor(at: number) {
    this.from = at;
    this.point = this.add(at);
  }

  /** Takes one instruction into the plan. Returns false behind the last `end`. */
  take(opcode: number, at: number, behind: number): boolean {
    this.units += unitsOf(opcode);
    switch (opcode) {
      case OPCODE.block:
      case OPCODE.if:
        this.close(behind);
        this.push();
        if (opcode === OPCODE.if) this.certain = false;
        return true;
      case OPCODE.loop:
        this.close(behind);
        this.push();
        this.point = this.add(behind);
        this.certain = true;
        return true;
      case OPCODE.else:
        this.close(behind);
        this.backTo(this.open.at(-1));
        this.certain = false;
        return true;
      case OPCODE.end:
        this.close(behind);
        if (this.open.length === 0) return false;
        this.backTo(this.open.pop());
        return true;
      default:
        this.takePlain(opcode, at, behind);
        return true;
    }
  }

  /** Adds what a call costs beyond its instruction. */
  takeCall(units: number): void {
    this.units += units;
  }

  private takePlain(opcode: number, at: number, behind: number): void {
    if (isBranch(opcode)) {
      this.close(behind);
      this.branches += 1;
      this.certain = false;
      return;
    }
    const cost = lengthCostOf(opcode);
    if (cost !== undefined) this.lengths.push({ at, cost });
  }

  private push(): void {
    this.open.push({ point: this.point, certain: this.certain, branches: this.branches });
  }

  /** Behind a block its opening dominates; a branch inside may have gone past it. */
  private backTo(opened: Opened | undefined): void {
    if (opened === undefined) throw new Error('metering met a block that was never opened');
    this.point = opened.point;
    this.certain = opened.certain && opened.branches === this.branches;
  }

  /** Gives the code since the last control instruction to a point. */
  private close(next: number): void {
    const { units } = this;
    if (units > 0) {
      if (!this.certain && this.point.uncertain + units > UNCERTAIN_UNITS_MAX) {
        this.point = this.add(this.from);
        this.certain = true;
      }
      this.point.units += units;
      if (!this.certain) this.point.uncertain += units;
    }
    this.units = 0;
    this.from = next;
  }

  private add(at: number): Point {
    const point: Point = { at, units: 0, uncertain: 0 };
    this.points.push(point);
    return point;
  }
}

/** `br`, `br_if`, `br_table`, `return`, and `unreachable`, behind which nothing runs. */
const isBranch = (opcode: number): boolean =>
  (opcode >= 0x0c && opcode <= 0x0f) || opcode === OPCODE.unreachable;

/**
 * Plans a body from its first instruction on; the reader then stands behind its last `end`.
 *
 * @param globals how many the module has
 * @param indexReader reads an instruction's index once more, after the instruction was read
 */
export const planBody = (
  reader: ByteReader,
  {
    globals,
    leaves,
    indexReader,
  }: { readonly globals: number; readonly leaves: Leaves; readonly indexReader: ByteReader },
): BodyPlan => {
  const planner = new Planner(reader.at);
  for (;;) {
    const at = reader.at;
    const opcode = readInstruction(reader);
    indexReader.at = at + 1;
    if (opcode === OPCODE.call) planner.takeCall(leaves.units[indexReader.u32()] ?? 0);
    else if (opcode === OPCODE.callIndirect) planner.takeCall(leaves.most);
    else globalIsTheirs(opcode, indexReader, globals);
    if (!planner.take(opcode, at, reader.at)) break;
  }
  return {
    points: planner.points
      .filter(({ units }) => units > 0)
      .toSorted((one, other) => one.at - other.at),
    lengths: planner.lengths,
  };
};
