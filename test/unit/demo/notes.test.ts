import { expect, test } from "vitest";
import { collectTodos, measureNotes } from "../../../src/demo/notes.ts";

const notes = [
  { name: "a.md", content: "# One\n\ntwo words\nTODO: call her (Ines)\n" },
  { name: "b.md", content: "TODO lie down\n## Deep\nNo TODO here" },
];

test("measures words, lines and headings of each note and of all", () => {
  const { content, found } = measureNotes(notes);
  expect(content).toContain("| a.md | 8 | 4 | 1 |\n| b.md | 8 | 3 | 1 |\n| all | 16 | 7 | 2 |");
  expect(found).toBe("2 notes with 16 words, 7 lines and 2 headings; the longest is a.md with 8 words");
});

test("collects the lines that begin with TODO, and tells which of them name nobody", () => {
  const { content, found, open } = collectTodos(notes);
  expect(content).toBe("# To do\n\n- [ ] call her (Ines), a.md:4\n- [ ] lie down, b.md:1\n");
  expect(found).toBe("2 lines that begin with TODO, in 2 notes");
  expect(open).toBe("nobody is named for b.md:1");
});

test("a folder without notes is measured too", () => {
  expect(measureNotes([]).found).toBe("0 notes with 0 words, 0 lines and 0 headings");
  expect(collectTodos([])).toMatchObject({ content: "# To do\n\n\n".slice(0, 9), open: "nothing" });
});
