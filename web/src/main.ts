import { VueQueryPlugin } from "@tanstack/vue-query";
import { createApp } from "vue";
import App from "./App.vue";
import { queryClient } from "./api/queries";
import { keepSeen } from "./api/seen";
import { rememberedAccount } from "./api/session";
import { enter } from "./account/entering";
import { router } from "./router";
import { i18n, speak, usualLocale } from "./texts";
import { registerServiceWorker } from "./ui/versions";
import "./styles/base.css";
import "./styles/parts.css";

async function start(): Promise<void> {
  keepSeen();
  const account = rememberedAccount();
  if (account) {
    await enter(account);
  } else {
    await speak(usualLocale());
  }
  createApp(App).use(i18n).use(router).use(VueQueryPlugin, { queryClient }).mount("#app");
  registerServiceWorker();
}

void start();
