/**
 * The kiln of a session as data: where it, and all that descends from it, may read and write. Made once when the session
 * opens (kiln/open-kiln.ts) and never changed; a child's is its parent's or narrower. Held by the daemon, for its own gate
 * and for the sandbox; nothing here touches the disk.
 */

export interface Kiln {
  /** Directories to work in, the session's cwd first: real, absolute. Empty if the session was opened on no proper path. */
  readonly directories: readonly string[];
  /** Files and directories besides them that may be read: real, absolute; they need not exist. */
  readonly read: readonly string[];
  /** The same for reading and writing. */
  readonly write: readonly string[];
  /** What is never read or written, wherever it lies. */
  readonly deny: readonly DenyGlob[];
  /**
   * Folders that are closed, except to a kiln that lies in one itself: what Crucible keeps, and those in which the system shows
   * itself. Real, absolute.
   */
  readonly closed: readonly string[];
  /** Nothing may be written, whatever else stands here. */
  readonly readOnly: boolean;
  /** A worktree made for a child: what lies in `folder` stands for what its callers have in `checkout`. Real, absolute. */
  readonly worktree?: { readonly folder: string; readonly checkout: string };
  /**
   * Where git keeps what belongs to a worktree among the directories, to read and to write: real, absolute, outside of them. Its
   * commands need it; through the gate nothing is reached there.
   */
  readonly git: { readonly read: readonly string[]; readonly write: readonly string[] };
}

/** One pattern of `[kiln] deny`. */
export interface DenyGlob {
  /** As it stands in the configuration. */
  readonly pattern: string;
  /** Whether an absolute path is meant by it, or lies below one that is. */
  readonly matches: (path: string) => boolean;
}
