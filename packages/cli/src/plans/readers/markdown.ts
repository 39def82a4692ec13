/** As much of Markdown as a task board needs: headings, tables, sections and fences. Nothing in it is run or followed. */

export interface MarkdownLine {
  /** From 1. */
  readonly row: number;
  readonly text: string;
  /** Inside a fence a `#` is a comment of some program and a `|` is a pipe. */
  readonly fenced: boolean;
}

export const linesOf = (text: string): readonly MarkdownLine[] => {
  let fence: string | undefined;
  return text.split(/\r?\n/).map((line, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    const inside = fence !== undefined;
    if (mark !== undefined && fence === undefined) fence = mark;
    else if (mark !== undefined && fence !== undefined && mark.startsWith(fence)) fence = undefined;
    return { row: index + 1, text: line, fenced: inside || mark !== undefined };
  });
};

export interface Heading {
  readonly depth: number;
  readonly text: string;
}

export const headingOf = ({ text, fenced }: MarkdownLine): Heading | undefined => {
  const match = fenced ? null : /^(#{1,6})\s+(.*?)\s*#*$/.exec(text);
  return match === null ? undefined : { depth: match[1]?.length ?? 1, text: match[2] ?? '' };
};

/** The cells of a table row; a pipe behind a backslash or inside code belongs to its cell. */
export const cellsOf = ({ text, fenced }: MarkdownLine): readonly string[] | undefined => {
  const line = text.trim();
  if (fenced || !line.startsWith('|')) return undefined;
  const cells: string[] = [];
  let cell = '';
  let inCode = false;
  for (let i = 1; i < line.length; i += 1) {
    const char = line.charAt(i);
    if (char === '\\' && line.charAt(i + 1) === '|') {
      cell += '|';
      i += 1;
    } else if (char === '|' && !inCode) {
      cells.push(cell.trim());
      cell = '';
    } else {
      if (char === '`') inCode = !inCode;
      cell += char;
    }
  }
  if (cell.trim() !== '') cells.push(cell.trim());
  return cells;
};

export interface TableRow {
  readonly row: number;
  /** Cells by the lower-case name of their column. */
  readonly cells: ReadonlyMap<string, string>;
  /** The headings above the table, outermost first. */
  readonly headings: readonly string[];
  /** Which table of the document, from 0. */
  readonly table: number;
}

/** The rows of every table that has a column of this name. */
export const tableRows = (lines: readonly MarkdownLine[], column: string): readonly TableRow[] => {
  const rows: TableRow[] = [];
  const headings: string[] = [];
  let columns: readonly string[] | undefined;
  let table = -1;
  for (const line of lines) {
    const heading = headingOf(line);
    if (heading !== undefined) headings.splice(heading.depth - 1, Infinity, heading.text);
    const cells = cellsOf(line);
    if (cells === undefined) columns = undefined;
    else if (columns === undefined) {
      columns = cells.map((cell) => cell.toLowerCase());
      table += 1;
    } else if (columns.includes(column) && !cells.every((cell) => /^:?-+:?$/.test(cell))) {
      const names = columns;
      rows.push({
        row: line.row,
        cells: new Map(cells.map((cell, index) => [names[index] ?? `column ${index + 1}`, cell])),
        headings: Array.from(headings, (text) => text ?? ''),
        table,
      });
    }
  }
  return rows;
};

/** The lines below each heading, up to the next one of any depth. */
export const sectionsOf = (
  lines: readonly MarkdownLine[],
): ReadonlyMap<string, readonly MarkdownLine[]> => {
  const sections = new Map<string, MarkdownLine[]>();
  let current: MarkdownLine[] | undefined;
  for (const line of lines) {
    const heading = headingOf(line);
    if (heading === undefined) current?.push(line);
    else {
      current = [];
      // The first section of a name is the one that a reader finds.
      if (!sections.has(heading.text)) sections.set(heading.text, current);
    }
  }
  return sections;
};
