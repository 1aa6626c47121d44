/** Source files made runnable by a Node.js of their own, for what can only be seen from outside a process. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");
const options = "--module nodenext --target es2023 --types node --rewriteRelativeImportExtensions --skipLibCheck";

export interface CompiledSources extends AsyncDisposable {
  /** Runs the text of a module; `source("process/launcher")` in it imports that file of src/. Its stdout is a pipe. */
  run(program: string, ...args: string[]): ChildProcess;
}

/** Compiles files of src/, given without their ending, and what they import. */
export async function compileSources(...files: string[]): Promise<CompiledSources> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "crucible-compiled-")));
  // What they import of others is found there.
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  const sources = files.map((file) => join(root, "src", `${file}.ts`));
  execFileSync(join(root, "node_modules/.bin/tsc"), [
    ...sources,
    ...options.split(" "),
    "--ignoreConfig",
    "--rootDir",
    join(root, "src"),
    "--outDir",
    directory,
  ]);
  return {
    run(program, ...args) {
      const source = `const source = (file) => import(${JSON.stringify(`file://${directory}/`)} + file + ".js");\n${program}`;
      return spawn(process.execPath, ["--input-type=module", "-e", source, "--", ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** The first line that a program prints. */
export async function firstLine(program: ChildProcess): Promise<string> {
  let output = "";
  for await (const chunk of program.stdout!.iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    if (output.includes("\n")) return output.slice(0, output.indexOf("\n"));
  }
  throw new Error(`it ended after ${JSON.stringify(output)}`);
}
