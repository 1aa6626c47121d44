/** One stored session or delegation as lines for people. */
import { formatBytes, formatDuration, oneLine, plainText } from "../../base/text.ts";
import type {
  DelegationDetail,
  SessionDetail,
  StandingPermissions,
  StoredDelegation,
  StoredDetail,
  StoredPermission,
} from "../../control/stored.ts";
import { formatTime } from "./clock.ts";
import { sandboxWords } from "./sandbox-words.ts";
import type { Style } from "./style.ts";
import { tableLines, type Cell } from "./table.ts";

const maxWords = 100;

export function storedDetailText({ delegation, session }: StoredDetail, style: Style): string {
  const parts = [
    ...(delegation ? delegationParts(delegation, style) : []),
    ...(session ? sessionParts(session, style) : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

function delegationParts(delegation: DelegationDetail, style: Style): string[] {
  const { id, agent, status, callerSessionId, createdAt, endedAt, error, stopReason, notes, task, result } = delegation;
  const facts: Fact[] = [
    ["delegation", id],
    ["to", agent],
    ["asked for by", callerSessionId],
    ["status", status + (stopReason === null ? "" : ` (${stopReason})`)],
    ["began", formatTime(createdAt)],
    ["took", endedAt === null ? "" : formatDuration(endedAt - createdAt)],
    ["used", usageText(delegation.usage)],
    ["error", error ? `${error.message} [${error.code}]` : ""],
    ...notes.map((note): Fact => ["note", note]),
  ];
  const parts = [factLines(facts, style), section("task", [plainText(task)], style)];
  return result === ""
    ? parts
    : [...parts, section(`result, ${formatBytes(delegation.resultBytes)}`, [plainText(result)], style)];
}

function sessionParts(session: SessionDetail, style: Style): string[] {
  const { id, agent, title, origin, cwd, additionalDirectories, state, createdAt, endedAt, endReason, lineage } =
    session;
  const facts: Fact[] = [
    ["session", id],
    ["title", title],
    ["agent", agent],
    ["opened by", origin],
    ["below", lineage.map((above) => `${above.agent} (${above.id})`).join(" → ")],
    ["directory", [cwd, ...additionalDirectories].join(", ")],
    ["state", state === "ended" && endReason !== "" ? `${state}: ${endReason}` : state],
    ["began", formatTime(createdAt)],
    ["ended", endedAt === null ? "" : formatTime(endedAt)],
    ["used", usageText(session.usage)],
    ["sandbox", sandboxWords(session.sandbox)],
    ["messages", String(session.messages)],
    ...session.handoffs.map((one): Fact => ["handed over", `${one.from} → ${one.agent}, ${formatTime(one.beganAt)}`]),
  ];
  const parts = [factLines(facts, style)];
  if (session.turns.length > 0) parts.push(section("turns", turnLines(session, style), style));
  if (session.delegationTree.length > 0) {
    parts.push(
      section(
        "delegations",
        tableLines(session.delegationTree.flatMap((one) => delegationRows(one, "", style))),
        style,
      ),
    );
  }
  if (session.permissions) parts.push(section("permissions", permissionLines(session.permissions, style), style));
  const { questions = [], remembered = [] } = session.standing ?? {};
  if (remembered.length > 0)
    parts.push(section("remembered until the session ends", rememberedLines(remembered, style), style));
  if (questions.length > 0) parts.push(section("questions that wait", questionLines(questions, style), style));
  return parts;
}

function turnLines({ turns, droppedTurns }: SessionDetail, style: Style): string[] {
  const earlier = droppedTurns > 0 ? [style.dim(`… ${droppedTurns} earlier ones`)] : [];
  const lines = turns.flatMap(({ at, prompt, answer, toolCalls, stopReason }) => {
    const tools = toolCalls === 0 ? "" : `${toolCalls} tool calls`;
    const end = stopReason === "end_turn" ? "" : (stopReason ?? "not ended");
    const remarks = [tools, oneLine(end, maxWords)].filter(Boolean).join(", ");
    const said = [oneLine(answer, maxWords), remarks && style.dim(`(${remarks})`)].filter(Boolean).join(" ");
    return [
      `${style.dim(formatTime(at))}  ${style.bold(oneLine(prompt, maxWords))}`,
      ...(said ? [`${" ".repeat(18)}${said}`] : []),
    ];
  });
  return [...earlier, ...lines];
}

function delegationRows(delegation: StoredDelegation, indent: string, style: Style): Cell[][] {
  const { id, agent, title, status, createdAt, endedAt, resultBytes, error } = delegation;
  const row: Cell[] = [
    { text: indent + oneLine(agent, maxWords), paint: style.bold },
    { text: oneLine(status, maxWords), paint: status === "completed" ? style.good : style.bad },
    { text: endedAt === null ? "" : formatDuration(endedAt - createdAt) },
    { text: formatBytes(resultBytes) },
    { text: oneLine(id, maxWords), paint: style.dim },
    { text: oneLine(error ? `${title}: ${error.message}` : title, maxWords) },
  ];
  return [row, ...delegation.delegations.flatMap((below) => delegationRows(below, `${indent}  `, style))];
}

function permissionLines(permissions: readonly StoredPermission[], style: Style): string[] {
  if (permissions.length === 0) return ["none was decided"];
  return tableLines(
    permissions.map(({ at, agent, kind, subject, title, decision, decidedBy, detail }) => [
      { text: formatTime(at), paint: style.dim },
      { text: oneLine(agent, maxWords) },
      { text: oneLine(decision, maxWords), paint: decision === "allowed" ? style.good : style.bad },
      { text: oneLine(`${kind} ${subject || title}`, maxWords), paint: style.bold },
      { text: oneLine(`by ${decidedBy}${detail && `: ${detail}`}`, maxWords) },
    ]),
  );
}

function rememberedLines(remembered: StandingPermissions["remembered"], style: Style): string[] {
  return tableLines(
    remembered.map(({ at, agent, allows, kind, subjects }) => [
      { text: formatTime(at), paint: style.dim },
      { text: oneLine(agent, maxWords) },
      { text: allows ? "always" : "never", paint: allows ? style.good : style.bad },
      { text: oneLine(`${kind} ${subjects.join(" ")}`, maxWords), paint: style.bold },
    ]),
  );
}

function questionLines(questions: StandingPermissions["questions"], style: Style): string[] {
  return tableLines(
    questions.map(({ askedAt, putAt, agent, kind, subject, title }) => [
      { text: formatTime(askedAt), paint: style.dim },
      { text: oneLine(agent, maxWords) },
      { text: putAt === null ? "in line" : "asked" },
      { text: oneLine(`${kind} ${subject || title}`, maxWords), paint: style.bold },
    ]),
  );
}

function usageText({ tokens, cost }: SessionDetail["usage"]): string {
  // Agents add up fractions of a cent, and the sum has digits that mean nothing.
  const money = cost && `${Number(cost.amount.toFixed(4))} ${oneLine(cost.currency, maxWords)}`;
  return [tokens === null ? "" : `${tokens} tokens`, money ?? ""].filter(Boolean).join(", ");
}

type Fact = readonly [name: string, value: string];

function factLines(facts: readonly Fact[], style: Style): string {
  const known = facts.filter(([, value]) => value !== "");
  return tableLines(
    known.map(([name, value]) => [{ text: name, paint: style.dim }, { text: oneLine(value, 1000) }]),
  ).join("\n");
}

function section(name: string, lines: readonly string[], style: Style): string {
  return [style.dim(name), ...lines].join("\n");
}
