/** What `crucible doctor` found out: shapes only. */

export type FindingState = "ok" | "warning" | "broken";

export interface Finding {
  /** Which check it is of: node, config, daemon, state, sandbox, agents. */
  check: string;
  /** What it is about: a file, a folder, a profile. */
  subject: string;
  state: FindingState;
  message: string;
  /** What to do about it; null where there is nothing to do. */
  remedy: string | null;
}
