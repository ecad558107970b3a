// A new version of the app waits until the person reloads: nothing changes under their hands.

import { ref } from "vue";

export const newVersionWaits = ref(false);

let waiting: ServiceWorker | null = null;

export function registerServiceWorker(): void {
  // A chunk of the version before is gone: only a reload brings the present ones.
  window.addEventListener("vite:preloadError", (event) => {
    event.preventDefault();
    newVersionWaits.value = true;
  });
  if ("serviceWorker" in navigator) {
    void watch().catch(() => undefined);
  }
}

export function reload(): void {
  if (waiting) {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    waiting.postMessage("take-over");
  } else {
    location.reload();
  }
}

async function watch(): Promise<void> {
  const registration = await navigator.serviceWorker.register("/sw.js");
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed") {
        offer(coming);
      }
    });
  });
}

function offer(worker: ServiceWorker | null): void {
  // The very first one replaces nothing.
  if (worker && navigator.serviceWorker.controller) {
    waiting = worker;
    newVersionWaits.value = true;
  }
}
