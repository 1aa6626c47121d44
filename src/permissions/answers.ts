/** Choosing among the answers that an agent offers with its question (ACP, "Requesting Permission"): ids and words are its own. */
import { isRecord } from "../acp/wire.ts";

export type AnswerKind = "allow_once" | "allow_always" | "reject_once" | "reject_always";

export interface Answer {
  readonly outcome: Readonly<Record<string, unknown>>;
}

export const withdrawn: Answer = { outcome: { outcome: "cancelled" } };

/** Those of Crucible's own questions. */
export const ownOptions = [
  { optionId: "allow_once", name: "Allow", kind: "allow_once" },
  { optionId: "allow_always", name: "Always allow this in this session", kind: "allow_always" },
  { optionId: "reject_once", name: "Reject", kind: "reject_once" },
  { optionId: "reject_always", name: "Never allow this in this session", kind: "reject_always" },
] as const;

/** Allows once; undefined where the agent offers only more than that. */
export function granting(question: unknown): Answer | undefined {
  return answerOf(question, "allow_once");
}

/** Refuses once where the agent offers that, else withdraws the question. */
export function refusing(question: unknown): Answer {
  return answerOf(question, "reject_once") ?? answerOf(question, "reject_always") ?? withdrawn;
}

/** What was chosen; undefined for an answer that chose nothing the agent had offered, or something of no known kind. */
export function kindOfAnswer(question: unknown, answer: unknown): AnswerKind | undefined {
  const said = chosenIn(question, answer)?.["kind"];
  return ownOptions.find(({ kind }) => kind === said)?.kind;
}

function chosenIn(question: unknown, answer: unknown): Record<string, unknown> | undefined {
  const outcome = isRecord(answer) ? answer["outcome"] : undefined;
  if (!isRecord(outcome) || outcome["outcome"] !== "selected") return undefined;
  return optionsOf(question).find((option) => option["optionId"] === outcome["optionId"]);
}

export function isGranted(question: unknown, answer: unknown): boolean {
  return kindOfAnswer(question, answer)?.startsWith("allow") ?? false;
}

/** The same answer for this one time, where the agent offers that; none for one that chose what was not offered. */
export function onceInstead(question: unknown, answer: unknown): unknown {
  const kind = kindOfAnswer(question, answer);
  if (kind === "allow_always") return answerOf(question, "allow_once") ?? answer;
  if (kind === "reject_always") return answerOf(question, "reject_once") ?? answer;
  return kind === undefined ? withdrawn : answer;
}

// Two of one kind exist in the wild; the first is the plainer one.
function answerOf(question: unknown, kind: AnswerKind): Answer | undefined {
  const chosen = optionsOf(question).find((option) => option["kind"] === kind);
  return chosen && { outcome: { outcome: "selected", optionId: chosen["optionId"] } };
}

function optionsOf(question: unknown): Record<string, unknown>[] {
  const options = isRecord(question) ? question["options"] : undefined;
  return Array.isArray(options) ? options.filter(isRecord) : [];
}
