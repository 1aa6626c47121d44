/**
 * The words a profile puts behind every task it is given (`brief`), with placeholders for what differs from task to task. Knows
 * which placeholders there are; what stands in their place is for the caller to say.
 */
import { listed } from "../base/text.ts";
import { didYouMean } from "../base/suggestion.ts";
import type { Problem } from "./problems.ts";
import type { RawConfig } from "./schema.ts";

/** What stands in the place of each. */
const briefPlaceholders = {
  from: "the name of the profile that asks",
  cwd: "the directory inside which the agent works",
} as const;
export type BriefPlaceholder = keyof typeof briefPlaceholders;

// Braces around anything but one plain word, such as a piece of JSON, stand as they are.
const placeholder = /\{([a-z_]+)\}/g;

/** The template with values in the place of its placeholders. */
export function fillBrief(template: string, values: Readonly<Record<BriefPlaceholder, string>>): string {
  return template.replace(placeholder, (whole, name: string) => (isKnown(name) ? values[name] : whole));
}

/** A placeholder that does not exist is a mistake: nothing would ever stand in its place. */
export function checkBriefs(config: RawConfig): Problem[] {
  return Object.entries(config.acp?.agents ?? {}).flatMap(([name, { brief = "" }]) =>
    [...brief.matchAll(placeholder)].flatMap(([whole, word = ""]) =>
      isKnown(word) ? [] : [unknownPlaceholder(["acp", "agents", name, "brief"], whole, word)],
    ),
  );
}

function unknownPlaceholder(path: string[], whole: string, word: string): Problem {
  return {
    path,
    part: "value",
    message: `brief: there is no placeholder ${whole}${didYouMean(word, Object.keys(briefPlaceholders))}`,
    hint: `Use ${listed(Object.keys(briefPlaceholders).map((name) => `{${name}}`))}; braces around anything but one word stay as they are`,
  };
}

function isKnown(name: string): name is BriefPlaceholder {
  return Object.hasOwn(briefPlaceholders, name);
}
