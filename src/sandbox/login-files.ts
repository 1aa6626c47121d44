/**
 * Where the built-in agents keep the login of their user, below the home. Data only. On macOS Claude Code and Cursor keep theirs
 * in the keychain, which is not brought anywhere.
 */

export interface LoginFile {
  /** Relative to the home; a JSON object. */
  readonly file: string;
  /** A variable that moves a folder of the user's own file: `[NAME, "what it stands for"]`. */
  readonly movedBy?: readonly [variable: string, folder: string];
  /**
   * Given for a file that holds settings too, by the path of its members: these alone are brought in, where there is no such
   * file yet, and nothing of it is brought back.
   */
  readonly only?: readonly string[];
}

const claudeFolder = ["CLAUDE_CONFIG_DIR", ".claude"] as const;
const codexFolder = ["CODEX_HOME", ".codex"] as const;
const dataFolder = ["XDG_DATA_HOME", ".local/share"] as const;
const configFolder = ["XDG_CONFIG_HOME", ".config"] as const;

const filesOfFamily: Readonly<Record<string, readonly LoginFile[]>> = {
  claude: [
    { file: ".claude/.credentials.json", movedBy: claudeFolder },
    { file: ".claude.json", only: ["oauthAccount", "userID", "hasCompletedOnboarding"] },
  ],
  codex: [{ file: ".codex/auth.json", movedBy: codexFolder }],
  gemini: [
    { file: ".gemini/oauth_creds.json" },
    { file: ".gemini/google_accounts.json" },
    { file: ".gemini/settings.json", only: ["security.auth.selectedType", "selectedAuthType"] },
  ],
  opencode: [{ file: ".local/share/opencode/auth.json", movedBy: dataFolder }],
  cursor: [
    { file: ".config/cursor/auth.json", movedBy: configFolder },
    { file: ".cursor/cli-config.json", only: ["authInfo"] },
  ],
};

/** Agents of the user's own have none: `config_dirs` names theirs. */
export function loginFiles(family: string | undefined): readonly LoginFile[] {
  return (family !== undefined && filesOfFamily[family]) || [];
}
