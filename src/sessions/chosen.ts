/**
 * What was chosen in a conversation, as the store has it: mode, model and config options (ACP, "Session Modes", "Session Config
 * Options"). An agent that changed such a choice itself later has the last word.
 */
import { isRecord } from "../acp/wire.ts";
import type { RelayedMessage, Store } from "./records.ts";
import { storedMessages } from "./stored-messages.ts";

export interface Chosen {
  mode?: string | undefined;
  model?: string | undefined;
  /** Parameters of the `session/set_config_option` that set it, but for the session's id; by the ids of the options. */
  options: Record<string, Record<string, unknown>>;
}

export function chosenIn(store: Store, sessionId: string): Chosen {
  const chosen: Chosen = { options: {} };
  for (const message of storedMessages(store, sessionId)) learn(chosen, message);
  return chosen;
}

/** Writes down what a session's client chose as it opened it. */
export function choose(store: Store, sessionId: string, { mode, model }: Omit<Chosen, "options">): void {
  const note = (method: string, params: Record<string, unknown>): void =>
    store.appendMessage({ sessionId, at: Date.now(), from: "client", method, params: { sessionId, ...params } });
  if (mode !== undefined) note("session/set_mode", { modeId: mode });
  if (model !== undefined) note("session/set_model", { modelId: model });
}

function learn(chosen: Chosen, { method, params }: RelayedMessage): void {
  if (!isRecord(params)) return;
  const { modeId, modelId, configId, update } = params;
  if (method === "session/set_mode" && typeof modeId === "string") chosen.mode = modeId;
  else if (method === "session/set_model" && typeof modelId === "string") chosen.model = modelId;
  else if (method === "session/set_config_option" && typeof configId === "string") {
    const { sessionId: _any, ...option } = params;
    chosen.options[configId] = option;
  } else if (isRecord(update)) changed(chosen, update);
}

function changed(chosen: Chosen, { sessionUpdate, currentModeId, configOptions }: Record<string, unknown>): void {
  if (sessionUpdate === "current_mode_update" && chosen.mode !== undefined && typeof currentModeId === "string") {
    chosen.mode = currentModeId;
  }
  if (sessionUpdate !== "config_option_update" || !Array.isArray(configOptions)) return;
  for (const option of configOptions.filter(isRecord)) {
    const known = chosen.options[String(option["id"])];
    if (known) known["value"] = option["currentValue"];
  }
}
