/** Git for tests: nothing of whoever runs them reaches it, neither settings nor the repository whose hook may be what runs them. */
import { execFileSync } from "node:child_process";

/** Runs git to its end in a directory, and gives what it wrote, without the last newline. */
export function git(cwd: string, ...args: string[]): string {
  const settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
  const env = { PATH: process.env["PATH"], HOME: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  return execFileSync("git", [...settings, ...args], { cwd, env, encoding: "utf8" }).trim();
}
