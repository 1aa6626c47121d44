/** An explained delegation as lines for people. */
import type { EffectivePermissions } from "../../config/config.ts";
import type { ExplainedDelegation } from "../../delegation/explain.ts";
import { formatBytes, oneLine } from "../../base/text.ts";
import { sandboxWords } from "./sandbox-words.ts";
import type { Style } from "./style.ts";
import { tableLines } from "./table.ts";

export function explanationText(explanation: ExplainedDelegation, style: Style): string {
  const { allowed, lineage, target, because, error, environment, grant, permissions, sandbox, daemon, hard_links } =
    explanation;
  const verdict = allowed ? style.good("allowed") : style.bad("refused");
  const facts: [name: string, value: string][] = [["because", because]];
  if (error) facts.push(["code", error.code]);
  if (error?.hint) facts.push(["the agent is told", error.hint]);
  if (daemon) facts.push(["but", daemon]);
  if (grant) {
    facts.push(
      ["levels below the child", String(grant.remaining_depth)],
      ["its targets", grant.targets === "all" ? "all" : grant.targets.join(", ") || "none"],
      ["its kiln", grant.kiln.join(", ")],
      ["result", `at most ${formatBytes(grant.result_max_bytes)}`],
      ["at once", `${grant.max_concurrent_delegations} of the caller's children`],
    );
  }
  if (sandbox) facts.push(["its sandbox", forecastWords(sandbox)]);
  for (const { words } of hard_links ?? []) facts.push(["hard links out", words]);
  if (permissions) facts.push(...ruleFacts(permissions));
  if (environment) facts.push(["its environment", environment.join(" ")]);
  const lines = tableLines(facts.map(([name, value]) => [{ text: name, paint: style.dim }, { text: value }]));
  return `${oneLine([...lineage, target].join(" → "), 1000)}: ${verdict}\n${lines.join("\n")}\n`;
}

function forecastWords({ sandbox, error }: NonNullable<ExplainedDelegation["sandbox"]>): string {
  return sandbox ? sandboxWords(sandbox) : `none holds, so it would not be started: ${error?.message ?? ""}`;
}

/** One line for each rule, with whose it is; what stands above counts as well as the child's own. */
function ruleFacts(permissions: EffectivePermissions): [name: string, value: string][] {
  const lines = (["deny", "ask", "allow"] as const).flatMap((list) =>
    permissions[list].map(({ rule, profile }) => `${list} ${rule} (${profile})`),
  );
  const together = permissions.allow.length > 0 && permissions.bound_by.length > 1;
  const rest = [
    ...(together ? ["what is allowed has to be so by each of them"] : []),
    `else ${permissions.default}, by the strictest of ${permissions.bound_by.join(", ")}`,
    `where nobody can be asked: ${permissions.unattended}`,
  ];
  return [...lines, ...rest].map((line, index) => [index === 0 ? "its permissions" : "", oneLine(line, 500)]);
}
