/** Telling of decisions, in words and on the bus: who, what, which rule or person, and the outcome. Secrets are taken out here. */
import { newId } from "../base/ids.ts";
import { redactText } from "../base/secrets.ts";
import type { Bus } from "../observe/bus.ts";
import type { PermissionRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { Deed } from "./deed.ts";
import type { Verdict } from "./policy.ts";
import { subjectsOf } from "./remembered.ts";

/** Longest text of a command or a title that is kept, in characters. */
export const maxToldCharacters = 4000;

export interface Decided extends Pick<PermissionRecord, "decision" | "decidedBy"> {
  session: Session;
  deed: Deed;
  /** Empty if there is nothing else to say. */
  detail?: string;
}

export class Decisions {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  tell({ session, deed, decision, decidedBy, detail = "" }: Decided): void {
    this.#bus.emit("permission.decided", {
      id: newId("ask"),
      sessionId: session.id,
      rootId: session.root.id,
      at: Date.now(),
      agent: session.profile.name,
      kind: deed.kind,
      subject: shownSubject(deed),
      title: shown(deed.title),
      decision,
      decidedBy,
      detail,
    });
  }
}

/** Such as `rule deny execute:rm * of my-claude`. */
export function wordsFor({ rule, by, profile }: Verdict): string {
  return `${by === "rule" ? "rule " : ""}${rule} of ${profile}`;
}

export function notGiven(tool: string): string {
  return `it was not given ${tool}`;
}

export function shownSubject(deed: Deed): string {
  return shown(subjectsOf(deed).join(", "));
}

/** Without secrets, and not too long. */
export function shown(text: string): string {
  // Cut first: taking out secrets costs with the length.
  return redactText(text.length <= maxToldCharacters ? text : `${text.slice(0, maxToldCharacters)}…`);
}
