/** Calls of Crucible's tools as a test makes them in an agent's place, with what came back in the types tests look at. */
import type { Client } from "@modelcontextprotocol/client";
import type { DelegationFailure, DelegationResult } from "../../src/base/delegation.ts";

export interface Answer<Data> {
  /** What the model reads. */
  text: string;
  isError: boolean;
  /** The structured content. */
  data: Data;
}

/** Calls any tool. A refusal is an answer, too. */
export async function callTool<Data = { error: DelegationFailure }>(
  tools: Client,
  name: string,
  input: Record<string, unknown> = {},
): Promise<Answer<Data>> {
  const answer = await tools.callTool({ name, arguments: input });
  const [block] = answer.content;
  return {
    text: block?.type === "text" ? block.text : "",
    isError: answer.isError === true,
    data: answer.structuredContent as Data,
  };
}

/** Calls `delegate_session` with any of its fields. */
export async function delegateWith(tools: Client, input: Record<string, unknown>): Promise<DelegationResult> {
  return (await callTool<DelegationResult>(tools, "delegate_session", input)).data;
}

/** The names in the list of tools. */
export async function toolNames(tools: Client): Promise<string[]> {
  return (await tools.listTools()).tools.map(({ name }) => name);
}
