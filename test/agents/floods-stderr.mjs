// Writes 4 MiB of numbered lines to stderr, then says that it is done and lives on.
for (let line = 0; line < 65_536; line++) process.stderr.write(`${String(line).padStart(62, "é")}\n`);
process.stderr.write("the last line\n", () => process.stdout.write("done\n"));
process.stdin.on("end", () => process.exit(0)).resume();
