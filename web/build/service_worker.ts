import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const SOURCE = new URL("../service-worker/sw.js", import.meta.url);
const ALWAYS_THERE = ["/index.html", "/icon.svg", "/manifest.webmanifest"];

// Writes sw.js with the list of what the app is made of; another list is another version.
export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const files = Object.keys(bundle).filter((name) => name !== "index.html").map((name) => `/${name}`);
        const shell = JSON.stringify([...ALWAYS_THERE, ...files.sort()]);
        const page = bundle["index.html"];
        const markup = page?.type === "asset" ? String(page.source) : "";
        const source = readFileSync(SOURCE, "utf8");
        const version = createHash("sha256").update(shell).update(markup).update(source).digest("hex").slice(0, 12);
        this.emitFile({
          type: "asset",
          fileName: "sw.js",
          source: source.replace('"__SHELL__"', shell).replace("__VERSION__", version),
        });
      },
    },
  };
}
