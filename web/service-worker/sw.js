// Keeps the app itself at hand, so that it opens without a network. The API is never touched:
// what was read and what is still to be sent is the page's own business.

const SHELL = "__SHELL__";
const CACHE = "shell-__VERSION__";

self.addEventListener("install", (event) => {
  // "reload": not a copy that the browser's own cache may have of the version before.
  const requests = SHELL.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOlderVersions().then(() => self.clients.claim()));
});

// A new version waits until the person says so: two versions never run in one page.
self.addEventListener("message", (event) => {
  if (event.data === "take-over") {
    self.skipWaiting();
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const isOurs = url.origin === self.location.origin && !url.pathname.startsWith("/api");
  if (event.request.method !== "GET" || !isOurs) {
    return;
  }
  // A path with a dot is a file of its own, as at the gateway.
  if (event.request.mode === "navigate" && !url.pathname.includes(".")) {
    event.respondWith(fromShell("/index.html", event.request));
  } else if (SHELL.includes(url.pathname)) {
    event.respondWith(fromShell(url.pathname, event.request));
  }
});

async function fromShell(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

async function forgetOlderVersions() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
}
