// Compiles src/ into dist/ and removes what has no source any more. Runs on `npm ci` (prepare), so that a fresh
// clone is runnable. Compiles in place, so that a daemon running from dist/ is not pulled from under its feet.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const compiler = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");

const { status } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

for (const file of readdirSync(join(root, "dist"), { recursive: true })) {
  if (!file.endsWith(".js")) continue;
  const source = join(root, "src", file.replace(/\.js$/, ".ts"));
  if (!existsSync(source)) rmSync(join(root, "dist", file));
}
