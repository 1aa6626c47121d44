/** What a child left behind, in a few lines for the model that delegated; the whole list is in the structured content. */

/** Files and commands named in the text, each. */
const maxNamed = 20;

type Fields = Record<string, unknown>;

/** Empty if there is nothing to tell. */
export function artifactsText(artifacts: readonly Fields[]): string {
  const ofKind = (...kinds: string[]): Fields[] => artifacts.filter(({ kind }) => kinds.includes(String(kind)));
  const [omitted = {}] = ofKind("omitted");
  const [patch] = ofKind("patch");
  return [
    line("Changed files", ofKind("diff", "file").map(fileText), count(omitted["files"])),
    line("Commands", ofKind("command").map(commandText), count(omitted["commands"])),
    ...(patch ? [patchText(patch)] : []),
  ]
    .filter(Boolean)
    .join("\n");
}

function line(heading: string, items: readonly string[], omitted: number): string {
  if (items.length === 0) return "";
  const more = items.length - Math.min(items.length, maxNamed) + omitted;
  return `${heading}: ${items.slice(0, maxNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function fileText({ path, added, removed, change }: Fields): string {
  if (typeof added === "number") return `${String(path)} (+${added} -${String(removed)})`;
  return change === "edit" ? String(path) : `${String(path)} (${change === "delete" ? "deleted" : "moved"})`;
}

function commandText({ command, exit_code: code, failed }: Fields): string {
  const how = typeof code === "number" ? ` (exit ${code})` : failed === true ? " (failed)" : "";
  return `\`${String(command)}\`${how}`;
}

function patchText({ base, path, bytes, apply, kept, error }: Fields): string {
  const from = `It worked in a worktree made from commit ${String(base).slice(0, 12)}, without what you have not committed`;
  if (typeof kept === "string")
    return `${from}. No patch could be made (${String(error)}); its files are kept in ${kept}.`;
  if (typeof path !== "string") return `${from}, and changed nothing there.`;
  return `${from}. Your files are as they were; its changes are in ${path} (${String(bytes)} bytes). Apply them with: ${String(apply)}`;
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
