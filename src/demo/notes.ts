/** What the demo worker can tell of notes, from their text alone. Pure functions. */

export interface Note {
  name: string;
  content: string;
}

/** A file to write, and the words of the report that goes with it. */
export interface Finding {
  content: string;
  found: string;
  open: string;
}

interface NoteSize {
  name: string;
  words: number;
  lines: number;
  headings: number;
}

/** A table of words, lines and headings. */
export function measureNotes(notes: readonly Note[]): Finding {
  const sizes = notes.map(sizeOf);
  const total = sizes.reduce<NoteSize>(add, { name: "all", words: 0, lines: 0, headings: 0 });
  const longest = sizes.reduce<NoteSize | undefined>((a, b) => (a && a.words >= b.words ? a : b), undefined);
  const rows = [...sizes, total].map(({ name, words, lines, headings }) => row([name, words, lines, headings]));
  return {
    content: [
      "# Size of the notes",
      "",
      row(["note", "words", "lines", "headings"]),
      "|---|--:|--:|--:|",
      ...rows,
      "",
    ].join("\n"),
    found:
      `${notes.length} notes with ${total.words} words, ${total.lines} lines and ${total.headings} headings` +
      (longest ? `; the longest is ${longest.name} with ${longest.words} words` : ""),
    open: "nothing",
  };
}

/** A list of the TODO lines with where they stand; a TODO that names nobody in parentheses at its end is still open. */
export function collectTodos(notes: readonly Note[]): Finding {
  const todos = notes.flatMap(({ name, content }) =>
    content.split("\n").flatMap((line, index) => {
      const text = /^TODO:?\s*(.*)$/.exec(line)?.[1];
      return text === undefined ? [] : [{ text, place: `${name}:${index + 1}`, owned: /\([^)]+\)$/.test(text) }];
    }),
  );
  const unowned = todos.filter(({ owned }) => !owned).map(({ place }) => place);
  return {
    content: ["# To do", "", ...todos.map(({ text, place }) => `- [ ] ${text}, ${place}`), ""].join("\n"),
    found: `${todos.length} lines that begin with TODO, in ${notes.length} notes`,
    open: unowned.length === 0 ? "nothing" : `nobody is named for ${unowned.join(" and ")}`,
  };
}

function sizeOf({ name, content }: Note): NoteSize {
  const lines = content.replace(/\n$/, "").split("\n");
  return {
    name,
    words: content.split(/\s+/).filter((word) => word !== "").length,
    lines: lines.length,
    headings: lines.filter((line) => /^#{1,6} /.test(line)).length,
  };
}

function add(sum: NoteSize, size: NoteSize): NoteSize {
  return {
    name: sum.name,
    words: sum.words + size.words,
    lines: sum.lines + size.lines,
    headings: sum.headings + size.headings,
  };
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}
