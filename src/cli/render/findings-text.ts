/** What the doctor found, a line for each finding with its remedy below, and at the end what it comes to. */
import { oneLine, plainText } from "../../base/text.ts";
import type { Finding, FindingState } from "../../control/finding.ts";
import type { Style } from "./style.ts";

export function findingsText(findings: readonly Finding[], style: Style): string {
  const paint = { ok: style.good, warning: style.warn, broken: style.bad };
  const lines = findings.flatMap(({ check, subject, state, message, remedy }) => [
    `${paint[state](state.padEnd(7))}  ${style.dim(check.padEnd(7))}  ${style.bold(oneLine(subject, 300))}: ${indented(message)}`,
    ...(remedy === null ? [] : [`${" ".repeat(18)}${style.accent("→")} ${indented(remedy)}`]),
  ]);
  return `${[...lines, "", style.bold(summary(findings))].join("\n")}\n`;
}

// A line of its own would look like another finding.
function indented(text: string): string {
  return plainText(text)
    .trimEnd()
    .replaceAll("\n", `\n${" ".repeat(20)}`);
}

function summary(findings: readonly Finding[]): string {
  const count = (state: FindingState): number => findings.filter((finding) => finding.state === state).length;
  const [broken, warnings] = [count("broken"), count("warning")];
  const words = warnings === 1 ? "1 warning" : `${warnings} warnings`;
  if (broken > 0) return `${broken} broken, ${words}`;
  return warnings > 0 ? `nothing is broken; ${words}` : "all is well";
}
