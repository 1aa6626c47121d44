/**
 * `model`, `mode` and config options, as a profile has them or somebody chose them, set on a session that was just opened through whatever the agent offers for it: config options of that
 * category, else its modes (ACP, "Session Config Options", "Session Modes"). What the agent does not have is said, not sent.
 */
import { isRecord, type Peer } from "../acp/wire.ts";
import { timedOut, within } from "../base/deadline.ts";
import { messageOf } from "../base/errors.ts";
import { listed } from "../base/text.ts";

export interface SettingsRequest {
  peer: Peer;
  agentSessionId: string;
  /** The agent's answer to `session/new`. */
  opened: Readonly<Record<string, unknown>>;
  settings: Settings;
  onIgnored: (setting: string, value: string, why: string) => void;
}

export interface Settings {
  model?: string | undefined;
  mode?: string | undefined;
  /** Parameters of `session/set_config_option`, by the ids of the options. */
  options?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

/** How long an agent may take over one setting, in milliseconds; the session opens without it then. */
export const settingTimeoutMs = 10_000;

/** The answer to `session/new` as it is after the settings were made. */
export async function applySettings(request: SettingsRequest): Promise<Record<string, unknown>> {
  let opened: Record<string, unknown> = { ...request.opened };
  const { options = {}, ...named } = request.settings;
  const make = async (setting: string, value: string, making: Promise<Record<string, unknown>>): Promise<void> => {
    try {
      const after = await within(making, settingTimeoutMs);
      if (after === timedOut) request.onIgnored(setting, value, "the agent did not answer in time");
      else opened = after;
    } catch (error) {
      request.onIgnored(setting, value, `the agent refused it: ${messageOf(error)}`);
    }
  };
  for (const setting of ["mode", "model"] as const) {
    const value = named[setting];
    if (value !== undefined) await make(setting, value, applyOne(request, { setting, value, opened }));
  }
  for (const [id, params] of Object.entries(options)) {
    await make(id, String(params["value"]), applyOption(request, { id, params, opened }));
  }
  return opened;
}

interface Option {
  id: string;
  params: Readonly<Record<string, unknown>>;
  opened: Record<string, unknown>;
}

async function applyOption(request: SettingsRequest, { id, params, opened }: Option): Promise<Record<string, unknown>> {
  const { peer, agentSessionId: sessionId } = request;
  const ids = records(opened["configOptions"]).map((option) => String(option["id"]));
  if (!ids.includes(id)) {
    request.onIgnored(id, String(params["value"]), "the agent has no such option");
    return opened;
  }
  const answer = await peer.request("session/set_config_option", { ...params, sessionId });
  const configOptions = isRecord(answer) ? answer["configOptions"] : undefined;
  return configOptions === undefined ? opened : { ...opened, configOptions };
}

interface One {
  setting: "model" | "mode";
  value: string;
  opened: Record<string, unknown>;
}

async function applyOne(request: SettingsRequest, { setting, value, opened }: One): Promise<Record<string, unknown>> {
  const { peer, agentSessionId: sessionId } = request;
  const option = records(opened["configOptions"]).find((one) => one["category"] === setting || one["id"] === setting);
  if (option) {
    const values = optionValues(option);
    if (!values.includes(value)) {
      request.onIgnored(
        setting,
        value,
        `the agent has ${values.length > 0 ? listed(values, "and") : "no choice of it"}`,
      );
      return opened;
    }
    const answer = await peer.request("session/set_config_option", { sessionId, configId: option["id"], value });
    const configOptions = isRecord(answer) ? answer["configOptions"] : undefined;
    return configOptions === undefined ? opened : { ...opened, configOptions };
  }

  const [field, list, idName, method] =
    setting === "mode"
      ? (["modes", "availableModes", "id", "session/set_mode"] as const)
      : (["models", "availableModels", "modelId", "session/set_model"] as const);
  const state = isRecord(opened[field]) ? opened[field] : {};
  const ids = records(state[list]).map((one) => String(one[idName]));
  if (!ids.includes(value)) {
    request.onIgnored(setting, value, ids.length > 0 ? `the agent has ${listed(ids, "and")}` : "the agent offers none");
    return opened;
  }
  const idField = setting === "mode" ? "modeId" : "modelId";
  await peer.request(method, { sessionId, [idField]: value });
  const current = setting === "mode" ? "currentModeId" : "currentModelId";
  return { ...opened, [field]: { ...state, [current]: value } };
}

/** The values of a select option, grouped or not. */
function optionValues(option: Record<string, unknown>): string[] {
  return records(option["options"]).flatMap((entry) =>
    Array.isArray(entry["options"])
      ? records(entry["options"]).map((one) => String(one["value"]))
      : [String(entry["value"])],
  );
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
