import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";
import { serviceWorker } from "./build/service_worker.ts";
import { texts } from "./build/texts.ts";

// The gateway serves what this makes; there is no other server to develop against, because only
// the gateway's headers show whether the page keeps its content security policy.
export default defineConfig({
  plugins: [vue(), texts(), serviceWorker()],
  resolve: { alias: { "vue-i18n": "vue-i18n/dist/vue-i18n.runtime.mjs" } },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_DROP_MESSAGE_COMPILER__: true,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    // A data: URL would break the content security policy for fonts and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  test: { include: ["src/**/*.test.ts"] },
});
