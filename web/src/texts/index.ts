// The app's words. Each language is loaded when it is spoken.

import { createI18n } from "vue-i18n";

export type Locale = "en" | "ru";

const SOURCES = { en: () => import("./en.json"), ru: () => import("./ru.json") };

export const i18n = createI18n({
  legacy: false,
  locale: "en",
  fallbackLocale: false,
  missingWarn: false,
  fallbackWarn: false,
  pluralRules: { ru: russianForm },
});

export const t = i18n.global.t;

export async function speak(locale: Locale): Promise<void> {
  const { default: messages } = await SOURCES[locale]();
  i18n.global.setLocaleMessage(locale, messages as never);
  (i18n.global.locale as unknown as { value: string }).value = locale;
  document.documentElement.lang = locale;
  document.title = t("app.name");
}

export function usualLocale(): Locale {
  return navigator.languages.some((language) => language.startsWith("ru")) ? "ru" : "en";
}

// One, few, many: 1 день, 2 дня, 5 дней.
function russianForm(count: number): number {
  const form = new Intl.PluralRules("ru").select(count);
  return { zero: 2, one: 0, two: 1, few: 1, many: 2, other: 1 }[form];
}
