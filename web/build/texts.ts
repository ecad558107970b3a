import { baseCompile } from "@intlify/message-compiler";
import type { Plugin } from "vite";

type Texts = { [name: string]: string | Texts };

// Compiles the messages of src/texts/*.json, so that no compiler is sent to the browser.
export function texts(): Plugin {
  return {
    name: "texts",
    enforce: "pre",
    transform(code, id) {
      if (!/\/src\/texts\/[a-z]+\.json$/.test(id)) {
        return null;
      }
      const compiled = JSON.stringify(compile(JSON.parse(code) as Texts));
      return { code: `export default ${compiled}`, map: null, moduleType: "js" };
    },
  };
}

function compile(texts: Texts): object {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      typeof text === "string" ? baseCompile(text, { jit: true, minify: true, location: false }).ast : compile(text),
    ]),
  );
}
