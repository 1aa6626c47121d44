/**
 * Results of delegations as tool results: text written for the model that called, and the same facts as structured content.
 */
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { DelegationFailure, DelegationResult } from "../base/delegation.ts";
import { CrucibleError } from "../base/errors.ts";
import { formatBytes, formatDuration } from "../base/text.ts";
import { artifactsText } from "./artifacts-text.ts";

export function toToolResult(result: DelegationResult): CallToolResult {
  return {
    content: [{ type: "text", text: describe(result) }],
    structuredContent: { ...result },
    ...(hasFailed(result) ? { isError: true } : {}),
  };
}

/** Several tasks of one call, in the order they were given. An error only if none has come to anything. */
export function toBatchResult(results: readonly DelegationResult[]): CallToolResult {
  const failed = results.filter(hasFailed).length;
  const running = results.some(({ status }) => status === "running");
  const status = running ? "running" : failed === 0 ? "completed" : failed === results.length ? "failed" : "partial";
  return {
    content: [{ type: "text", text: describeAll(results, []) }],
    structuredContent: { status, results: results.map((result) => ({ ...result })) },
    ...(failed === results.length ? { isError: true } : {}),
  };
}

/** An expected error as a tool result: what happened and what to do instead. Anything else is thrown on. */
export function toToolError(error: unknown): CallToolResult {
  if (!(error instanceof CrucibleError)) throw error;
  const { code, message, hint } = error;
  const failure: DelegationFailure = { code, message, ...(hint === undefined ? {} : { hint }) };
  return {
    content: [{ type: "text", text: explained(failure) }],
    structuredContent: { error: failure },
    isError: true,
  };
}

/** Several results one after the other; `waiting` are the ids that wait for a human. */
export function describeAll(results: readonly DelegationResult[], waiting: readonly string[]): string {
  const parts = results.map((result, index) => {
    const asks = waiting.includes(result.delegation_id)
      ? "\nIt waits for the user to answer a permission question."
      : "";
    return `## ${index + 1}. ${result.agent}\n${describe(result)}${asks}`;
  });
  return parts.join("\n\n");
}

/** One line for each. */
export function listText(results: readonly DelegationResult[]): string {
  if (results.length === 0) return "You have delegated nothing in this conversation.";
  return results
    .map(({ delegation_id: id, agent, status, duration_ms: ms }) => `${id}  ${agent}  ${status}  ${formatDuration(ms)}`)
    .join("\n");
}

function hasFailed({ status }: DelegationResult): boolean {
  return status !== "completed" && status !== "running";
}

function describe(result: DelegationResult): string {
  if (result.status === "running") return runningText(result);
  return hasFailed(result) ? failureText(result) : successText(result);
}

function runningText(result: DelegationResult): string {
  const { delegation_id: id, agent, duration_ms: ms } = result;
  const handle =
    `${agent} is still at work after ${formatDuration(ms)}; nothing is lost. Go on with something else, or call ` +
    `wait_delegation with ids ["${id}"] for its answer.`;
  return [handle, notesText(result)].filter(Boolean).join("\n\n");
}

function successText(result: DelegationResult): string {
  const facts = [`delegation ${result.delegation_id}`, result.agent, result.status, formatDuration(result.duration_ms)];
  if (result.truncated) facts.push(`${formatBytes(result.result_bytes)} in all, shortened above`);
  const parts = [result.result, artifactsText(result.artifacts), notesText(result), `[${facts.join(" · ")}]`];
  return parts.filter(Boolean).join("\n\n");
}

function failureText(result: DelegationResult): string {
  const head = `The delegation to ${result.agent} ended as ${result.status}.`;
  const why = result.error ? ` ${explained(result.error)}` : "";
  const partial = result.result === "" ? "" : `\n\nWhat ${result.agent} had said until then:\n${result.result}`;
  const parts = [`${head}${why}${partial}`, artifactsText(result.artifacts), notesText(result)];
  return parts.filter(Boolean).join("\n\n");
}

function notesText({ notes = [] }: DelegationResult): string {
  return notes.map((note) => `Note: ${note}.`).join("\n");
}

function explained(failure: DelegationFailure): string {
  return `${failure.message} [${failure.code}]${failure.hint ? `\nWhat to do instead: ${failure.hint}.` : ""}`;
}
