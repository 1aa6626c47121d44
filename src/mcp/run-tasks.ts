/**
 * What all tools that delegate do: begin the tasks, tell the caller that they live, and wait for them as long as the caller can bear.
 */
import { within } from "../base/deadline.ts";
import type { DelegationResult } from "../base/delegation.ts";
import type { Delegation } from "../delegation/delegation.ts";
import type { DelegateInput } from "../delegation/input.ts";
import type { Delegations } from "../delegation/delegations.ts";
import { refusedResult } from "../delegation/result.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { ToolCall, ToolContext } from "./tool.ts";
import { waitBudgetMs } from "./wait-budget.ts";

/** The results in the order of the tasks; a refused task is a result like the others, one still running a handle. */
export async function runTasks(
  inputs: readonly DelegateInput[],
  call: ToolCall,
  { context, background }: { context: ToolContext; background: boolean },
): Promise<DelegationResult[]> {
  const { delegations, bus } = context;
  const handles = inputs.map((input) => begin(call, input, delegations));
  const stops = handles.flatMap((handle) => (isLive(handle) ? [startHeartbeat(handle, call, bus)] : []));
  try {
    return await outcomes(handles, call, background ? 0 : waitBudgetMs(call));
  } finally {
    for (const stop of stops) stop();
  }
}

type Handle = Delegation | DelegationResult;

function isLive(handle: Handle): handle is Delegation {
  return "ended" in handle;
}

function begin(call: ToolCall, input: DelegateInput, delegations: Delegations): Handle {
  try {
    return delegations.begin(call.session, input);
  } catch (error) {
    return refusedResult(input.agent, error);
  }
}

/** What each has come to when all have ended or the budget is used up; a caller that cancels the call cancels them all. */
async function outcomes(handles: Handle[], call: ToolCall, budgetMs: number): Promise<DelegationResult[]> {
  const live = handles.filter(isLive);
  const cancel = (): void => live.forEach((delegation) => delegation.cancel("the caller cancelled the call"));
  call.signal.addEventListener("abort", cancel, { once: true });
  if (call.signal.aborted) cancel();
  try {
    await within(Promise.all(live.map((delegation) => delegation.ended)), budgetMs);
  } finally {
    // From here on they no longer hang on this call.
    call.signal.removeEventListener("abort", cancel);
  }
  for (const delegation of live) if (delegation.stage !== "ended") delegation.goesToBackground();
  return handles.map((handle) => (isLive(handle) ? handle.snapshot : handle));
}
