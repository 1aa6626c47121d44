/**
 * The only place that decides about colour: for a terminal, unless NO_COLOR is set or the terminal is a dumb one; with
 * FORCE_COLOR also elsewhere. Sources: no-color.org, force-color.org.
 */
import { styleText } from "node:util";
import type { Environment } from "../../base/paths.ts";

type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly accent: Paint;
}

/** The style for what is written to this stream. */
export function styleFor(stream: { isTTY?: boolean }, env: Environment = process.env): Style {
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    // Node.js would look at stdout, whatever the stream is.
    hasColour(stream, env)
      ? (text) => (text === "" ? "" : styleText(format, text, { validateStream: false }))
      : (text) => text;
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    good: paint("green"),
    bad: paint("red"),
    warn: paint("yellow"),
    accent: paint("cyan"),
  };
}

function hasColour(stream: { isTTY?: boolean }, env: Environment): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "") return env["FORCE_COLOR"] !== "0";
  return stream.isTTY === true && env["TERM"] !== "dumb";
}
