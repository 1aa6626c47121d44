// Says that it is up, then lives until it is signalled.
process.stdout.write("up\n");
process.stdin.resume();
setInterval(() => {}, 1000);
