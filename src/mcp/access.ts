/**
 * Which session a token stands for. Tokens are 256 random bits, valid for the life of their session and for nothing else.
 * They are looked up by digest, so that the time a look-up takes tells nothing about a token.
 */
import { createHash } from "node:crypto";
import { newToken } from "../base/ids.ts";
import type { Session } from "../sessions/session.ts";

export class AccessTokens {
  readonly #sessions = new Map<string, Session>();

  /** A token for the session; it is worthless once the session has ended. */
  issue(session: Session): string {
    const token = newToken();
    const key = digest(token);
    this.#sessions.set(key, session);
    session.scope.add("access token", () => void this.#sessions.delete(key));
    return token;
  }

  find(token: string): Session | undefined {
    return this.#sessions.get(digest(token));
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
