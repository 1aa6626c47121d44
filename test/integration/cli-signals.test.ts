/** Signals to commands: how they end, and that nothing they have started outlives them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { crucibleUser, ended, type CrucibleUser } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { checkout } from "../support/daemon.ts";
import { aliveWithCommand, aliveWithEnvironment } from "../support/processes.ts";

const codes = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;

/** One that no sandbox takes with it, and that takes no notice of anything but SIGKILL. */
const stubborn = [
  '[sandbox]\nmode = "off"\n',
  `[acp.agents.stubborn]\ncommand = ${JSON.stringify(process.execPath)}`,
  `args = [${JSON.stringify(join(checkout, "test/agents/ignores-everything.mjs"))}]\n`,
].join("\n");

/** Has a command hear a signal when it has begun, and gives its exit code. */
async function codeOf(
  user: CrucibleUser,
  args: readonly string[],
  { signal, hasBegun }: { signal: NodeJS.Signals; hasBegun: (output: string) => boolean },
): Promise<number | null> {
  const command = user.start(args);
  let output = "";
  for (const stream of [command.stdout, command.stderr]) stream.on("data", (text: Buffer) => (output += String(text)));
  const end = ended(command);
  await until(() => hasBegun(output), { what: `${args.join(" ")} to begin`, timeoutMs: 20_000 });
  command.kill(signal);
  return (await end).code;
}

describe.each(codes)("%s", (signal, code) => {
  test(`ends what only looks or waits with ${code}`, async () => {
    const user = await crucibleUser();
    await user.run(["delegate", "nobody", "x"]);
    expect(
      await codeOf(user, ["ps", "--watch"], { signal, hasBegun: (output) => output.includes("no sessions") }),
    ).toBe(code);
    expect(await codeOf(user, ["logs", "--follow"], { signal, hasBegun: (output) => output.includes("\n") })).toBe(
      code,
    );
  });

  test.each([["doctor"], ["agents --probe"]])(`ends %s with ${code}, and the agents it tries with it`, async (line) => {
    const user = await crucibleUser();
    user.write("home/.config/crucible/crucible.toml", stubborn);
    const hasBegun = (): boolean => tried(user).length > 0 && triesIn(user).length > 0;
    expect(await codeOf(user, line.split(" "), { signal, hasBegun })).toBe(code);
    expect(tried(user)).toEqual([]);
    expect(triesIn(user)).toEqual([]);
  });
});

/** Agents that are being tried. */
function tried({ folder }: CrucibleUser): number[] {
  const own = aliveWithEnvironment(folder);
  return aliveWithCommand("ignores-everything.mjs").filter((pid) => own.includes(pid));
}

/** Folders in which commands try things. */
function triesIn({ folder }: CrucibleUser): string[] {
  try {
    return readdirSync(join(folder, "state/crucible")).filter((name) => name.startsWith("trial-"));
  } catch {
    // Before the first.
    return [];
  }
}
