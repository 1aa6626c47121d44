// `npm test`: everything that must hold, cheapest first, so that a mistake shows early. Says what it runs and how long it took.
import { spawnSync } from "node:child_process";

const steps = [
  ["format", "npm run -s check:format"],
  ["lint", "npm run -s check:lint"],
  ["types", "npm run -s check:types"],
  ["build", "npm run -s build"],
  ["dead code", "npm run -s check:dead"],
  ["package", "npm run -s check:package"],
  ["reference pages", "npm run -s check:docs"],
  ["tests", `npm run -s test:unit -- ${process.argv.slice(2).join(" ")}`],
];

for (const [name, command] of steps) {
  const startedAt = Date.now();
  console.log(`> ${name}`);
  const { status } = spawnSync(command, { stdio: "inherit", shell: true });
  if (status !== 0) {
    console.error(`\n${name} failed: ${command}`);
    process.exit(status ?? 1);
  }
  console.log(`  ${name} passed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}
