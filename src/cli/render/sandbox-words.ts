/** What holds an agent, in one line. */
import type { ShownSandbox } from "../../control/stored.ts";

/** Empty where none was started. */
export function sandboxWords(sandbox: ShownSandbox | null): string {
  if (!sandbox) return "";
  const { mechanism, strength, lost } = sandbox;
  return `${mechanism}, ${strength}${lost.length > 0 ? `; not held: ${lost.join(", ")}` : ""}`;
}
