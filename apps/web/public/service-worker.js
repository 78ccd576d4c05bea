// Keeps the app for use without a network: what the build lists, under the name of the list's content.
const listed = async () => {
  const response = await fetch("offline.json", { cache: "no-store" });
  const text = await response.text();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const name = Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16)).join("");
  return { name, files: JSON.parse(text) };
};

// module scripts are asked for with an Origin, which servers that say "Vary: Origin" tell apart
const HOWEVER_ASKED = { ignoreSearch: true, ignoreVary: true };

self.addEventListener("install", (event) => {
  const keep = async () => {
    const { name, files } = await listed();
    await (await caches.open(name)).addAll(files);
    for (const other of await caches.keys()) if (other !== name) await caches.delete(other);
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(caches.match(event.request, HOWEVER_ASKED).then((kept) => kept ?? fetch(event.request)));
});
