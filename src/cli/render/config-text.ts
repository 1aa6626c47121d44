/** The resolved configuration as lines of TOML, each with a comment that says where the value comes from. */
import { plainText } from "../../base/text.ts";
import type { ConfigDescription, DescribedValue } from "../../config/show.ts";
import type { Style } from "./style.ts";
import { displayWidth } from "./table.ts";

/** Where the comments stand if what is before them is not longer than that. */
const commentColumn = 60;

export function configText({ file, values, environment }: ConfigDescription, style: Style): string {
  const heading = style.dim(file === null ? "# no configuration file" : `# ${onOneLine(file)}`);
  const inherited = Object.entries(environment).map(([profile, names]) =>
    style.dim(onOneLine(`# ${profile} gets these variables: ${names.join(" ")}`)),
  );
  return `${[heading, ...values.map((value) => line(value, style)), "", ...inherited].join("\n")}\n`;
}

function line({ key, value, origin }: DescribedValue, style: Style): string {
  // Text, numbers, truth values and arrays of them are written in JSON as in TOML.
  const text = value === null ? `#${key} =` : onOneLine(`${key} = ${JSON.stringify(value)}`);
  const gap = " ".repeat(Math.max(2, commentColumn - displayWidth(text)));
  const comment = style.dim(`# ${value === null ? "not set" : onOneLine(origin)}`);
  return `${paintOf(value, { origin, style })(text)}${gap}${comment}`;
}

/** A folder's name may have a newline in it, and what follows would not be a comment any more. */
function onOneLine(text: string): string {
  return plainText(text).replaceAll("\n", " ");
}

/** What the user wrote stands out; what is not there steps back. */
function paintOf(value: unknown, { origin, style }: { origin: string; style: Style }): (text: string) => string {
  if (value === null) return style.dim;
  return origin === "default" || origin.startsWith("built-in") ? (text) => text : style.bold;
}
