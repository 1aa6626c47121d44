/**
 * How an error looks on a terminal: `error: MESSAGE [CODE]`, what belongs to the message, a blank line, `hint: …`. Anything
 * that is not an expected error is a bug, shown with its stack and the request to report it.
 */
import { CrucibleError, exitCodes } from "../../base/errors.ts";
import { plainText } from "../../base/text.ts";
import { programVersion } from "../../base/version.ts";
import type { Style } from "./style.ts";

/** The text, ended by a newline. */
export function errorText(error: unknown, style: Style): string {
  return error instanceof CrucibleError ? expectedText(error, style) : bugText(error, style);
}

/** The exit code that goes with an error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CrucibleError ? error.exitCode : exitCodes.bug;
}

function expectedText({ message, code, hint }: CrucibleError, style: Style): string {
  // The code stands in the first line, where people look, also when a code frame or the last words of an agent follow.
  const [heading = "", ...rest] = plainText(message).trimEnd().split("\n");
  const lines = [`${style.bad("error:")} ${style.bold(heading)} ${style.dim(`[${code}]`)}`, ...rest];
  if (hint) lines.push("", `${style.accent("hint:")} ${plainText(hint)}`);
  return `${lines.join("\n")}\n`;
}

function bugText(error: unknown, style: Style): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = error instanceof Error && error.stack ? error.stack : message;
  const about = `crucible ${programVersion()}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`;
  return [
    `${style.bad("error:")} ${style.bold(plainText(message))} ${style.dim("[CRU_BUG]")}`,
    "",
    plainText(stack),
    "",
    `${style.accent("hint:")} this is a mistake in Crucible itself; please report it with the lines above (${about})`,
    "",
  ].join("\n");
}
