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
import { commandLine } from "./command-line.ts";
import { readText, writeText, type Written } from "./child-files.ts";
import { textField } from "./fields.ts";

export interface GateParts {
  /** Rejects when the session may not do it. */
  check: (session: Session, act: Act) => Promise<void>;
  /** Hears of each file that was written for a child. */
  onWritten: (written: Written) => void;
}

const maxTitleCharacters = 200;

export function gate(session: Session, { check, onWritten }: GateParts): Interceptor {
  const { kiln } = session;
  // Who speaks at an editor works on the editor's files.
  const hasEditor = session.origin !== "delegation";

  async function decided(request: Request, kind: ToolKind & ("read" | "edit")): Promise<Place> {
    const place = placeIn(kiln, textField(request.params, "path"), kind === "edit" ? "write" : "read");
    const title = oneLine(`${kind} ${place.asked}`, maxTitleCharacters);
    const subjects = [...new Set([resolve(place.asked), place.path])];
    await check(session, { kind, subjects, title, signal: request.signal });
    return place;
  }

  async function mayExecute({ params, signal }: Request): Promise<void> {
    const { cwd } = isRecord(params) ? params : {};
    if (cwd !== undefined && cwd !== null) placeIn(kiln, textField(params, "cwd"), "work");
    const command = commandLine(params);
    await check(session, { kind: "execute", subjects: [command], title: oneLine(command, maxTitleCharacters), signal });
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
        case "terminal/create":
          await mayExecute(request);
          return next(request);
        default:
          return next(request);
      }
    },
  };
}
