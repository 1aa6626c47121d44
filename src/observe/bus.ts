/**
 * What happened, told once by the domain and rendered at the edges: log lines, live views, metrics. The map below is the
 * whole vocabulary. Payloads are plain data, so that a listener can never reach back into what it hears about. What concerns
 * a session carries its id as `sessionId`; the log adds the tree and the delegation it belongs to.
 */
import { EventEmitter } from "node:events";
import type { DelegationProgress, DelegationUsage } from "../base/delegation.ts";

/** Of an agent process. One that an editor started serves several sessions, and names none. */
interface AboutAgent {
  profile: string;
  /** The one session it was started for. */
  sessionId?: string | undefined;
}

/** How a delegation ended, in figures. */
export interface DelegationFigures extends DelegationUsage {
  /** From the call to the end, in milliseconds. */
  durationMs: number;
  /** Size of the whole result in bytes of UTF-8. */
  resultBytes: number;
  /** In the child's own words; null if it never ended its turn. */
  stopReason: string | null;
  /** Of the error; null without one. */
  code: string | null;
}

export interface Events {
  /** `sandbox` = what holds it, `strength` = how well (sandbox/confinement.ts). */
  "agent.started": AboutAgent & { agentPid: number; milliseconds: number; sandbox: string; strength: string };
  /** `expected` is false when nobody had asked it to end. */
  "agent.ended": AboutAgent & { agentPid: number; code: number | null; signal: string | null; expected: boolean };
  "agent.failed": AboutAgent & { code: string; message: string };
  /** The agent sent something that is not JSON-RPC; skipped. */
  "agent.stray": AboutAgent & { agentPid: number; line: string };
  "agent.stderr": AboutAgent & { line: string };
  "editor.connected": { connection: number; agent: string };
  "editor.closed": { connection: number; sessions: number };
  "session.opened": {
    sessionId: string;
    rootId: string;
    profile: string;
    parentId: string | undefined;
    cwd: string;
  };
  "session.ended": { sessionId: string; reason: string };
  /** A setting of the profile (model, mode) that the agent does not have. */
  "session.setting_ignored": { sessionId: string; profile: string; setting: string; value: string; why: string };
  /** An agent was given a prompt: when its turn has come, if it had to wait behind another. */
  "turn.started": { sessionId: string; parentId: string | undefined; profile: string };
  /** `stopReason` in the agent's own words, or the `code` of the error in place of an answer. */
  "turn.ended": {
    sessionId: string;
    profile: string;
    durationMs: number;
    stopReason: string | null;
    code: string | null;
  };
  /** From then on `agent` speaks in the conversation. */
  "session.handed_over": { sessionId: string; from: string; agent: string };
  /** `sessionId` is the caller's. */
  "delegation.progress": DelegationProgress & {
    sessionId: string;
    rootId: string;
    /** The session it works in, whether or not that is open yet. */
    childId: string;
    /** For `ended`. */
    figures: DelegationFigures | null;
  };
  /** A call that came to nothing: a rule was against it. `agent` is null where none has the name; `sessionId` is the caller's. */
  "delegation.refused": { sessionId: string; rootId: string; agent: string | null; code: string; message: string };
  /** Files of a directory that agents are held in have further names outside: so many of the user's own, so many of packages. */
  "kiln.hard_links": { directory: string; own: number; shared: number; words: string };
  /** A child's question is before a human from now on, or in line; `questionId` names it until it is answered. */
  "permission.asked": { questionId: string; sessionId: string; rootId: string; title: string };
  "permission.answered": { questionId: string; sessionId: string; rootId: string; title: string; outcome: string };
  /** Of every request for permission, asked of a human or not. All but the agent's profile is stored. */
  "permission.decided": {
    id: string;
    sessionId: string;
    rootId: string;
    at: number;
    agent: string;
    /** The kind of tool in ACP's words (ACP, "Tool Calls"), or the method of the file or terminal request. */
    kind: string;
    /** The command, path or name of the tool. */
    subject: string;
    title: string;
    decision: "allowed" | "denied" | "asked" | "withdrawn" | "expired";
    /** Such as `rule deny execute:rm *`, `the user (once)`, `remembered`, `unattended`, `kiln`. */
    decidedBy: string;
    /** What else there is to say of the outcome; empty if nothing. */
    detail: string;
  };
  "config.reloaded": { changed: readonly string[] };
  "config.rejected": { message: string };
  /** Something Crucible did not expect of itself. */
  bug: { where: string; error: unknown; sessionId?: string | undefined };
  /** Something went wrong that is worth a line, and was dealt with. */
  warning: { where: string; message: string; sessionId?: string | undefined };
}

export interface Bus {
  /** Never throws: a listener that fails is told of as a `bug`, and the others hear the event all the same. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
  /** Returns how to stop listening. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
}

export function createBus(): Bus {
  const emitter = new EventEmitter();
  // Listeners come and go with connections; their number is bounded there.
  emitter.setMaxListeners(0);
  const bus: Bus = {
    emit(name, event) {
      for (const listener of emitter.listeners(name)) {
        try {
          listener(event);
        } catch (error) {
          // One that fails to hear of a failure has nobody to tell but the process.
          if (name === "bug") setImmediate(() => raise(error));
          else bus.emit("bug", { where: `a listener of ${name}`, error });
        }
      }
    },
    on(name, listener) {
      emitter.on(name, listener);
      return () => void emitter.off(name, listener);
    },
  };
  return bus;
}

function raise(error: unknown): never {
  throw error;
}
