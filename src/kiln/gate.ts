/**
 * The tap for what an agent asks of its client in files and terminals (ACP, "File System", "Terminals"): first the kiln decides on
 * every path, then the rules on the act. What passes goes to the editor as it came; a child has no editor, and Crucible does it
 * itself.
 */
import { resolve } from "node:path";
import type { Interceptor, Request } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import { oneLine } from "../base/text.ts";
import type { Act } from "../permissions/act.ts";
import type { ToolKind } from "../permissions/tool-kinds.ts";
import type { Session } from "../sessions/session.ts";
import { placeIn, type Place } from "./boundary.ts";
import { namesOfCommand } from "./command-line.ts";
import { readText, writeText, type Written } from "./child-files.ts";
import { textField } from "./fields.ts";
import { withoutTerminals } from "./terminal-content.ts";
import { terminalMethods, Terminals, type RanCommand, type StartCommand } from "./terminals.ts";

export interface GateParts {
  /** Rejects when the session may not do it. */
  check: (session: Session, act: Act) => Promise<void>;
  /** Hears of each file that was written for a child. */
  onWritten: (written: Written) => void;
  /** Hears of each command that is run for a child. */
  onRan: (ran: RanCommand) => void;
  startCommand: StartCommand;
}

const maxTitleCharacters = 200;

export function gate(session: Session, { check, onWritten, onRan, startCommand }: GateParts): Interceptor {
  const { kiln } = session;
  // Who speaks at an editor works on the editor's files.
  const hasEditor = session.origin !== "delegation";
  const terminals = hasEditor ? undefined : new Terminals({ session, start: startCommand, onRan });

  async function decided(request: Request, kind: ToolKind & ("read" | "edit")): Promise<Place> {
    const place = placeIn(kiln, textField(request.params, "path"), kind === "edit" ? "write" : "read");
    const title = oneLine(`${kind} ${place.asked}`, maxTitleCharacters);
    const subjects = [...new Set([resolve(place.asked), place.path])];
    await check(session, { kind, subjects, title, signal: request.signal });
    return place;
  }

  /** Resolves to the directory. */
  async function mayExecute({ params, signal }: Request): Promise<string> {
    const { cwd } = isRecord(params) ? params : {};
    const place = placeIn(kiln, cwd === undefined || cwd === null ? session.cwd : textField(params, "cwd"), "work");
    const subjects = namesOfCommand(params);
    const title = oneLine(subjects.at(-1) ?? "", maxTitleCharacters);
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
          return terminals ? terminals.create(request.params, cwd) : next(request);
        }
        default:
          return terminals && terminalMethods.has(request.method)
            ? terminals.answer(request.method, request.params, request.signal)
            : next(request);
      }
    },

    ...(terminals && {
      agentNotification: (notification, next) =>
        next(withoutTerminals(notification, (terminalId) => terminals.shown(terminalId))),
    }),
  };
}
