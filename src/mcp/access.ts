/**
 * Which session a token stands for. Tokens are 256 random bits, valid for the life of their session and for nothing else.
 * Only their digests are kept. A token that is shown is compared with every one of them in constant time, so that the time
 * an answer takes tells nothing about any token, not even whether one exists that is like it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { newToken } from "../base/ids.ts";
import type { Session } from "../sessions/session.ts";

/** Whom a token stands for: a session, or what takes its place in a trial. */
export type TokenOwner = Pick<Session, "id" | "scope">;

interface Issued<Owner> {
  readonly digest: Buffer;
  readonly session: Owner;
}

export class AccessTokens<Owner extends TokenOwner = Session> {
  readonly #issued = new Set<Issued<Owner>>();

  /** A token for the session; it is worthless once the session has ended. */
  issue(session: Owner): string {
    const token = newToken();
    const issued = { digest: digest(token), session };
    this.#issued.add(issued);
    session.scope.add("access token", () => void this.#issued.delete(issued));
    return token;
  }

  find(token: string): Owner | undefined {
    const shown = digest(token);
    let found: Owner | undefined;
    for (const one of this.#issued) if (timingSafeEqual(one.digest, shown)) found = one.session;
    return found;
  }
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
