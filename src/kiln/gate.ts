/**
 * The tap for what an agent asks of its client in files and terminals (ACP, "File System", "Terminals"): first the kiln decides on
 * every path, then the rules on the act. What passes goes to the editor as it came; a child has no editor, and Crucible does it
 * itself. So it does the commands of an agent that a sandbox holds: its editor would run them outside.
 */
import { resolve } from "node:path";
import type { Interceptor, Request } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import { CrucibleError } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { Act } from "../permissions/act.ts";
import type { ToolKind } from "../permissions/tool-kinds.ts";
import type { Session } from "../sessions/session.ts";
import { placeIn, type Place, type Purpose } from "./boundary.ts";
import { namesOfCommand } from "./command-line.ts";
import { readText, writeText, type Written } from "./child-files.ts";
import { textField } from "./fields.ts";
import { withoutTerminals } from "./terminal-content.ts";
import { terminalMethods, Terminals, type RanCommand, type StartCommand } from "./terminals.ts";

export interface GateParts {
  /** Rejects when the session may not do it. */
  check: (session: Session, act: Act) => Promise<void>;
  /** Hears of what was refused because of where a path leads. */
  onRefused: (session: Session, act: Act, error: CrucibleError) => void;
  /** Hears of each file that was written for a child. */
  onWritten: (written: Written) => void;
  /** Hears of each command that is run for a child. */
  onRan: (ran: RanCommand) => void;
  startCommand: StartCommand;
  /** Whether a sandbox holds the session's agent. */
  isHeld: () => boolean;
}

const maxTitleCharacters = 200;

export function gate(session: Session, parts: GateParts): Interceptor {
  const { check, onRefused, onWritten, onRan, startCommand, isHeld } = parts;
  const { kiln } = session;
  // Who speaks at an editor works on the editor's files.
  const hasEditor = session.origin !== "delegation";
  const terminals = new Terminals({ session, start: startCommand, onRan });
  const hasEditorsTerminals = (): boolean => hasEditor && !isHeld();

  /** Where a path that an act names leads; a refusal is told. */
  function placed(path: string, purpose: Purpose, act: Act): Place {
    try {
      return placeIn(kiln, path, purpose);
    } catch (error) {
      if (error instanceof CrucibleError) onRefused(session, act, error);
      throw error;
    }
  }

  async function decided(request: Request, kind: ToolKind & ("read" | "edit")): Promise<Place> {
    const path = textField(request.params, "path");
    const title = oneLine(`${kind} ${path}`, maxTitleCharacters);
    const place = placed(path, kind === "edit" ? "write" : "read", { kind, subjects: [path], title });
    const subjects = [...new Set([resolve(place.asked), place.path])];
    await check(session, { kind, subjects, title, signal: request.signal });
    return place;
  }

  /** Resolves to the directory. */
  async function mayExecute({ params, signal }: Request): Promise<string> {
    const { cwd } = isRecord(params) ? params : {};
    const subjects = namesOfCommand(params);
    const title = oneLine(subjects.at(-1) ?? "", maxTitleCharacters);
    const path = cwd === undefined || cwd === null ? session.cwd : textField(params, "cwd");
    const place = placed(path, "work", { kind: "execute", subjects, title });
    await check(session, { kind: "execute", subjects, title, signal });
    return place.path;
  }

  return {
    name: "kiln",
    async agentRequest(request, next) {
      switch (request.method) {
        case "fs/read_text_file": {
          const place = await decided(request, "read");
          return hasEditor ? next(request) : readText(kiln, place, request.params);
        }
        case "fs/write_text_file": {
          textField(request.params, "content");
          const place = await decided(request, "edit");
          if (hasEditor) return next(request);
          onWritten(await writeText(kiln, place, request.params));
          return {};
        }
        case "terminal/create": {
          const cwd = await mayExecute(request);
          return hasEditorsTerminals() ? next(request) : terminals.create(request.params, cwd);
        }
        default:
          return terminalMethods.has(request.method) && !hasEditorsTerminals()
            ? terminals.answer(request.method, request.params, request.signal)
            : next(request);
      }
    },

    agentNotification: (notification, next) =>
      next(withoutTerminals(notification, (terminalId) => terminals.shown(terminalId))),
  };
}
