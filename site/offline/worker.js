// Keeps the files of one build, so that the site's pages open without a network. In front of this text stand `build`, the
// build's number, and `files`, the paths of all its files.
/* global build, files */

const prefix = "gradgpu-site:";
const scope = self.registration.scope;
const store = `${prefix}${build}:${scope}`;
/** What pages can do without, and are asked to spare data by some users. */
const isHeavy = (file) => /^samples\/|\.png$/.test(file);
const atOnce = 6;

/** The stores of this folder's builds, the oldest first. */
const stores = async () =>
  (await caches.keys()).filter((name) => name.startsWith(prefix) && name.endsWith(`:${scope}`));

self.addEventListener("install", (event) => {
  // Pages that are open keep the files of their own build, so nothing has to wait for them.
  self.skipWaiting();
  event.waitUntil(fill());
});

async function fill() {
  const spares = navigator.connection?.saveData === true;
  const left = files.filter((file) => !spares || !isHeavy(file));
  const cache = await caches.open(store);
  const take = async () => {
    for (let file = left.pop(); file !== undefined; file = left.pop()) await keep(cache, file);
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, take));
  } catch (error) {
    // Half a build is none; the next visit tries again.
    await caches.delete(store);
    throw error;
  }
}

async function keep(cache, file) {
  const url = new URL(file, scope).href;
  // A name that holds a hash is the same file in every build.
  const same = /^(assets|library|programs)\//.test(file) ? await caches.match(url) : undefined;
  const response = same ?? (await fetch(url, { cache: "no-cache" }));
  if (!response.ok) throw new Error(`${response.status} ${url}`);
  await cache.put(url, response);
}

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const older = (await stores()).filter((name) => name !== store);
      // A page of the build before may still want a part that it has not loaded yet.
      const kept = pages.length > 0 ? older.at(-1) : undefined;
      for (const name of older) if (name !== kept) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(scope)) event.respondWith(answer(request));
});

async function answer(request) {
  const url = new URL(request.url);
  url.search = "";
  url.hash = "";
  if (url.pathname.endsWith("/")) url.pathname += "index.html";
  const own = await (await caches.open(store)).match(url.href);
  const found = own ?? (await caches.match(url.href));
  return found ?? fetch(request);
}
