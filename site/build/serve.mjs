// A server of static files for this machine alone, as any host of static files would serve them.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

/**
 * @param {string} folder
 * @param {number} port 0: any that is free
 * @param {string} prefix Where the site lies on the server
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function serveFolder(folder, port, prefix = "/") {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const file = fileOf(folder, prefix, pathname);
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("There is no such page.\n");
      return;
    }
    const type = types[path.extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "cache-control": "no-cache" });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => resolve(undefined));
  });
  const { port: used } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://localhost:${used}${prefix}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** The file behind an address, inside of the folder; undefined where there is none. */
function fileOf(folder, prefix, pathname) {
  if (!pathname.startsWith(prefix)) return undefined;
  let name;
  try {
    name = decodeURIComponent(pathname.slice(prefix.length));
  } catch {
    return undefined;
  }
  const file = path.resolve(folder, `./${name}`);
  if (file !== folder && !file.startsWith(folder + path.sep)) return undefined;
  const found = name === "" || name.endsWith("/") ? path.join(file, "index.html") : file;
  return fs.statSync(found, { throwIfNoEntry: false })?.isFile() ? found : undefined;
}
