/**
 * The demo worker, an ACP agent without a model: reads the notes in its folder and writes the one file that its task names.
 * A program of its own; started by the daemon as the child of a delegation.
 */
import { join } from "node:path";
import { runDemoAgent, type DemoTurn } from "./demo-agent.ts";
import { listNotes, readNote, replaceFile } from "./files.ts";
import { collectTodos, measureNotes, type Note } from "./notes.ts";

const jobs = { "report.md": measureNotes, "todo.md": collectTodos };
const outputs = Object.keys(jobs) as (keyof typeof jobs)[];

async function work(turn: DemoTurn): Promise<void> {
  const file = outputs.find((name) => turn.request.includes(name));
  if (!file) {
    await turn.say(`I am a demo agent and can only write ${outputs.join(" or ")}; my task names neither.`);
    return;
  }
  const names = await listNotes(turn, outputs);
  const notes: Note[] = [];
  for (const name of names) notes.push(await read(turn, name));
  const { content, found, open } = jobs[file](notes);
  const isNew = await write(turn, file, content);
  await turn.say(
    [
      `Done: read ${names.join(", ")} and wrote ${file}.`,
      `Found: ${found}.`,
      `Changed: ${file} (${isNew ? "new" : "replaced"}).`,
      `Open: ${open}.`,
    ].join("\n"),
  );
}

async function read(turn: DemoTurn, name: string): Promise<Note> {
  await turn.pace();
  const locations = [{ path: join(turn.cwd, name) }];
  return turn.showing({ toolCallId: `read-${name}`, title: `Read ${name}`, kind: "read", locations }, async () => ({
    value: { name, content: await readNote(turn, name) },
  }));
}

/** True if the file is new. */
async function write(turn: DemoTurn, name: string, newText: string): Promise<boolean> {
  await turn.pace();
  const path = join(turn.cwd, name);
  const locations = [{ path }];
  return turn.showing({ toolCallId: `write-${name}`, title: `Write ${name}`, kind: "edit", locations }, async () => {
    const oldText = await replaceFile(turn, name, newText);
    return { value: oldText === null, shown: { content: [{ type: "diff", path, oldText, newText }] } };
  });
}

await runDemoAgent({ name: "crucible-demo-worker", title: "Crucible demo worker", work });
