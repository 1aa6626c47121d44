/** What a program reaches over sockets: the daemon's, those of the machine, and the door of the tools without its token. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { attempt } from "./raw.mjs";

export const reachOps = {
  tcp: ({ port, send }) => spoken(connect(port, "127.0.0.1"), send),
  /** `abstract` is a name that stands in no folder. */
  unix: ({ path, abstract, send }) => spoken(connect(abstract === undefined ? path : `\0${abstract}`), send),

  /** The daemon's own socket: says which door it wants, and asks one thing. */
  daemon({ socket, hello, method, params }) {
    const key = attempt(() => readFileSync(`${socket}.key`, "utf8"));
    const greeting = { crucible: { protocol: 1, version: "0.1.0", key, ...hello } };
    const ask = { jsonrpc: "2.0", id: 1, method, params };
    return spoken(connect(socket), `${JSON.stringify(greeting)}\n${JSON.stringify(ask)}\n`);
  },

  /** The door of the tools as it should not be opened. `own` shows its own token where no other is named. */
  http({ url, headers = {}, method = "POST", own = false, body }, attacker) {
    const { hostname, port, pathname } = new URL(url ?? attacker.server.url);
    const shown = own ? Object.fromEntries(attacker.server.headers.map(({ name, value }) => [name, value])) : {};
    const all = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...shown,
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const sending = request({ hostname, port, path: pathname, method, headers: all }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        response.on("end", () => {
          if (response.statusCode >= 400) reject(new Error(`HTTP ${response.statusCode} ${text}`));
          else resolve(`${response.statusCode} ${text}`);
        });
      });
      sending.on("error", reject);
      sending.end(body === undefined ? undefined : JSON.stringify(body));
    });
  },

  /** Whether what it was told to leave for itself under another name is there; for canaries that only it can see. */
  note({ name, text }, attacker) {
    const file = join(attacker.cwd, name);
    writeFileSync(file, text);
    return readFileSync(file, "utf8");
  },
};

/** What the other side says within a moment. */
function spoken(socket, text) {
  return new Promise((resolve, reject) => {
    let heard = "";
    const done = () => {
      socket.destroy();
      if (heard === "") reject(new Error("no answer"));
      else resolve(heard);
    };
    const timer = setTimeout(done, 1000);
    socket.setEncoding("utf8").on("data", (chunk) => {
      heard += chunk;
      if (heard.includes("\n")) done();
    });
    socket.once("connect", () => socket.write(text));
    socket.once("error", (error) => (clearTimeout(timer), reject(error)));
    socket.once("close", () => (clearTimeout(timer), done()));
  });
}
