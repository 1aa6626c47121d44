/**
 * The agents Crucible knows by itself: how each is started, installed and best used. Data only; a profile of the user's with
 * `extends` builds on these, and what it does not set comes from here.
 */
import type { AgentProfile } from "./config.ts";
import type { RawProfile } from "./schema.ts";

export interface BuiltInProfile extends Pick<AgentProfile, "clientFiles" | "install" | "npmPackage"> {
  readonly keys: Required<Pick<RawProfile, "command" | "args" | "description">>;
}

const allClientFiles = { read: true, write: true };

export const builtInProfiles: ReadonlyMap<string, BuiltInProfile> = new Map([
  [
    "claude",
    {
      keys: {
        command: "claude-agent-acp",
        args: [],
        description:
          "Claude Code. Strong at hard reasoning, architecture and design decisions, reviews, and writing text for people.",
      },
      install: "npm install -g @agentclientprotocol/claude-agent-acp",
      npmPackage: "@agentclientprotocol/claude-agent-acp",
      clientFiles: allClientFiles,
    },
  ],
  [
    "opencode",
    {
      keys: {
        command: "opencode",
        args: ["acp"],
        description: "OpenCode. Strong at generating code from a clear description and at refactoring what exists.",
      },
      install: "npm install -g opencode-ai",
      npmPackage: "opencode-ai",
      clientFiles: allClientFiles,
    },
  ],
  [
    "cursor",
    {
      keys: {
        command: "cursor-agent",
        args: ["acp"],
        description: "Cursor. Strong at changes that run through many files or a whole code base at once.",
      },
      install: "curl https://cursor.com/install -fsS | bash",
      npmPackage: undefined,
      clientFiles: allClientFiles,
    },
  ],
  [
    "gemini",
    {
      keys: {
        command: "gemini",
        args: ["--acp"],
        description: "Gemini. Strong at research, analysis, and tasks that need a great deal of material read at once.",
      },
      install: "npm install -g @google/gemini-cli",
      npmPackage: "@google/gemini-cli",
      // With reads offered it reads a file before creating it, takes the error for a failure, and creates nothing.
      clientFiles: { read: false, write: true },
    },
  ],
  [
    "codex",
    {
      keys: {
        command: "codex-acp",
        args: [],
        description: "Codex. Strong at generating code and at quick, well-defined edits.",
      },
      install: "npm install -g @agentclientprotocol/codex-acp",
      npmPackage: "@agentclientprotocol/codex-acp",
      clientFiles: allClientFiles,
    },
  ],
]);
