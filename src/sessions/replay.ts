/**
 * A conversation that is loaded is told again by its agent (ACP, "Loading Sessions"). Whoever has it already must not take that
 * for news.
 */
import type { Session } from "./session.ts";

/** Whether what the agent says now is new to a listener. `knowsIt` = whether it has anything of the conversation, asked once a replay. */
export function newsOnly(session: Session, knowsIt: () => boolean): () => boolean {
  let replay = 0;
  let isKnown = false;
  return () => {
    if (session.replay === 0) return true;
    if (session.replay !== replay) {
      replay = session.replay;
      isKnown = knowsIt();
    }
    return !isKnown;
  };
}
