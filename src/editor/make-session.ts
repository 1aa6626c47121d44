/** Makes the sessions of an editor's connection, each with its way to get an agent again when it has none. */
import type { AgentProfile } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import type { ClientInit } from "../sessions/session-client.ts";
import { mcpServersIn, placeIn, type Desk } from "./desk.ts";
import { putAgent } from "./take-up.ts";

/** A live session without an agent yet; `id` is given for a conversation that is opened again. */
export function makeSession(
  desk: Desk,
  params: Record<string, unknown>,
  { id, profile = desk.profile }: { id?: string; profile?: AgentProfile } = {},
): Session {
  return desk.ports.createSession({
    ...(id === undefined ? {} : { id }),
    profile,
    ...placeIn(params),
    ...clientOf(desk, params),
  });
}

/** The editor at this desk as the client of a session that it opens with these parameters. */
export function clientOf(desk: Desk, params: Record<string, unknown>): Required<ClientInit> {
  return {
    client: desk.link,
    clientInitialize: desk.initialize ?? {},
    mcpServers: mcpServersIn(params),
    reviver: {
      revive: async (session) =>
        putAgent(desk, session, { agent: await desk.seatOf(session.profile).require(), params }),
      takeRecap: (session) => (desk.forgetful.delete(session) ? desk.ports.recap(session) : undefined),
    },
  };
}
