/** How a command ends that could not do what it was asked: the error on stderr, and the exit code that goes with it. */
import { exitCodeOf, errorText } from "./render/error-text.ts";
import { styleFor } from "./render/style.ts";
import { fromDaemon } from "./relayed-error.ts";
import { tell } from "./terminal.ts";

/** Prints the error and gives the exit code. */
export async function reportError(thrown: unknown): Promise<number> {
  const error = fromDaemon(thrown);
  await tell(errorText(error, styleFor(process.stderr)));
  return exitCodeOf(error);
}
