/**
 * From the arguments to the exit code. The commands that editors and agents wait for are parsed quickly; all others, and all
 * mistakes, go to the command-line library, which is loaded only then.
 */
import { commandTable } from "./command-table.ts";
import { quickOptions } from "./quick-arguments.ts";

/** Runs one command. Never rejects: what went wrong is on stderr. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const [name, ...rest] = args;
    const quick = commandTable.find((spec) => spec.quick && spec.name === name);
    const options = quick && quickOptions(quick, rest);
    if (quick && options) return await quick.run(options, []);
    const { runProgram } = await import("./program.ts");
    return await runProgram(args);
  } catch (error) {
    const { reportError } = await import("./exit.ts");
    return reportError(error);
  }
}
