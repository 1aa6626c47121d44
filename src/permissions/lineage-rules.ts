/** The rules of live sessions: of each one and of all above it, each looking at a deed from its own kiln. */
import { join, relative } from "node:path";
import { isInside } from "../base/paths.ts";
import type { PermissionRules } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import type { Deed } from "./deed.ts";
import { facetsOf, type Places } from "./facets.ts";
import { decide, type DecideOptions, type Verdict } from "./policy.ts";
import { readRules, type ReadRules } from "./rules.ts";

export class LineageRules {
  readonly #realPath: (path: string) => string;
  readonly #read = new WeakMap<PermissionRules, ReadRules>();

  /** `realPath` tells where a path really leads, and gives it back where that cannot be told. */
  constructor(realPath: (path: string) => string) {
    this.#realPath = realPath;
  }

  decide(session: Session, deed: Deed, options?: DecideOptions): Verdict {
    const lineage = session.lineage.toReversed();
    const directories = lineage.map((one) => this.#directoriesOf(one));
    const all = [...new Set(directories.flat())];
    const counterparts = counterpartsIn(lineage);
    const levels = lineage.map(({ profile }, index) => ({
      profile: profile.name,
      rules: this.#rulesOf(profile.permissions),
      facets: facetsOf(deed, {
        own: directories[index] ?? [],
        all,
        cwd: session.cwd,
        real: this.#realPath,
        counterparts,
      }),
    }));
    return decide(levels, options);
  }

  /** The directories of a session's kiln, and its own as it was named, where links lead to it. */
  #directoriesOf({ kiln, cwd }: Session): string[] {
    const named = kiln.directories.includes(this.#realPath(cwd)) ? [cwd] : [];
    return [...new Set([...kiln.directories, ...named])];
  }

  /** Configurations are replaced as a whole, so rules are read once for each. */
  #rulesOf(rules: PermissionRules): ReadRules {
    const read = this.#read.get(rules) ?? readRules(rules);
    this.#read.set(rules, read);
    return read;
  }
}

/** `lineage` begins with the session that does something. */
function counterpartsIn(lineage: readonly Session[]): Places["counterparts"] {
  const worktrees = [...new Set(lineage.map(({ kiln }) => kiln.worktree))].filter((one) => one !== undefined);
  return (path) => {
    const paths = [path];
    for (const { folder, checkout } of worktrees) {
      const [last] = paths.slice(-1);
      if (last !== undefined && isInside(folder, last)) paths.push(join(checkout, relative(folder, last)));
    }
    return paths;
  };
}
