import js from "@eslint/js";
import globals from "globals";
import typescript from "typescript-eslint";
import vue from "eslint-plugin-vue";

export default typescript.config(
  { ignores: ["dist*", "node_modules", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...typescript.configs.strict,
  ...vue.configs["flat/recommended"],
  {
    languageOptions: { globals: { ...globals.browser, ...globals.serviceworker } },
    rules: {
      "no-console": "error",
      // A component short enough to be read at once.
      "max-lines": ["error", { max: 150, skipBlankLines: true }],
      // How a line is broken is a matter of reading.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": ["error", { html: { void: "always" } }],
      "vue/no-v-html": "error",
    },
  },
  {
    files: ["**/*.ts", "**/*.vue"],
    languageOptions: { parserOptions: { parser: typescript.parser } },
    // The compiler knows these better.
    rules: { "no-undef": "off" },
  },
  { files: ["**/*.test.ts"], rules: { "max-lines": "off" } },
);
