// Writes back what it reads, and ends when its stdin does.
process.stdin.pipe(process.stdout);
