// Neither the end of stdin nor a signal that can be ignored ends it.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
process.stdin.resume();
setInterval(() => {}, 1000);
process.stdout.write("up\n");
