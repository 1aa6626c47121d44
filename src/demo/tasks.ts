/** What is asked in the demo: of the planner by the user, and of the workers by the planner. Words only. */

/** The user's prompt to the planner. */
export const demoTask =
  "Write a report on the size of my notes to report.md, and collect everything that is still to do in todo.md. " +
  "Have both done at the same time.";

export interface DemoDelegation {
  /** A few words for the user. */
  title: string;
  /** The whole task, as the worker gets it. */
  task: string;
  /** What the worker is to write. */
  file: "report.md" | "todo.md";
}

export const demoDelegations: readonly DemoDelegation[] = [
  {
    title: "Measure the notes",
    task: "Count the words, lines and headings of every note (*.md) in this folder and write them as a table to report.md.",
    file: "report.md",
  },
  {
    title: "Collect what is to do",
    task: "Collect every line that begins with TODO from the notes (*.md) in this folder and write them as a list to todo.md.",
    file: "todo.md",
  },
];
