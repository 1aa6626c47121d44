/**
 * The client of an agent that took over a conversation: what it says and asks goes the way of the first agent's, through the pipe
 * of the session the editor opened. Only its tool calls are told apart from the first agent's, and its settings are not shown,
 * because those that the editor shows are the first agent's.
 */
import { withToolCallPrefix } from "../acp/tool-call-ids.ts";
import { isRecord, type Peer } from "../acp/wire.ts";
import type { Session } from "../sessions/session.ts";
import type { CommandsOffered } from "./commands-offered.ts";
import type { Speaker } from "./speaker.ts";

const settingUpdates: ReadonlySet<unknown> = new Set(["config_option_update", "current_mode_update"]);

export interface SpeakerClientParts {
  /** The session the editor opened. */
  root: Session;
  /** Before the ids of its tool calls. */
  prefix: string;
  commands: CommandsOffered;
}

export function speakerClient(speaker: Speaker, { root, prefix, commands }: SpeakerClientParts): Peer {
  return {
    request: (method, params, { signal, onBehalfOf } = {}) =>
      root.request({
        id: onBehalfOf,
        method,
        params: withToolCallPrefix(params, prefix),
        signal: signal ?? new AbortController().signal,
      }),

    notify(method, params) {
      if (speaker.hasLeft) return;
      if (method === "session/update" && (isSetting(params) || commands.hear(speaker, params))) return;
      speaker.hear(params);
      root.notification(method, withToolCallPrefix(params, prefix));
    },
  };
}

function isSetting(params: unknown): boolean {
  return isRecord(params) && isRecord(params["update"]) && settingUpdates.has(params["update"]["sessionUpdate"]);
}
