/** What a bridge has to know of the protocol that its caller speaks: ACP (acp-dialect.ts) or MCP (mcp-dialect.ts). */
import type { RequestId } from "../../acp/wire.ts";
import type { DaemonLine } from "./daemon-line.ts";
import type { Ledger, UnansweredRequest } from "./ledger.ts";

/** Head of a request or an answer of the daemon. */
export interface Head {
  /** The id, as JSON. */
  id: string;
  kind: "request" | "answer";
}

/** Sends a notification to the caller. */
export type TellCaller = (message: { method: string; params: Record<string, unknown> }) => void;

export interface Dialect {
  /** What is left of the daemon's lines when each request, each answer and each of the daemon's own was shown to `keep`. */
  sift: (lines: Buffer, keep: (line: Buffer) => boolean) => Buffer[];
  /** Undefined for a line that is neither a request nor an answer. */
  headOf: (line: Buffer) => Head | undefined;
  /** In the place of an answer that never came. */
  lost: (request: UnansweredRequest) => Error;
  /** Takes back a question that a daemon had asked before it went. */
  withdrawal: (requestId: RequestId) => Parameters<TellCaller>[0];
  /**
   * Introduces to another daemon a caller whose `initialize` was answered by one before. Gives a few words on what was taken up.
   * Rejects when the daemon does not take it.
   */
  introduce: (daemon: DaemonLine, ledger: Ledger, tell: TellCaller) => Promise<string>;
}
