import { createRouter, createWebHistory } from "vue-router";
import { session } from "./api/session";
import TodayScreen from "./today/TodayScreen.vue";

// A screen is loaded when it is first asked for; the one that people come for is there at once.
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "today", component: TodayScreen },
    { path: "/days", name: "days", component: () => import("./grid/GridScreen.vue") },
    { path: "/habits/new", name: "new", component: () => import("./edit/EditScreen.vue") },
    { path: "/habits/:id", name: "habit", component: () => import("./habit/HabitScreen.vue") },
    { path: "/habits/:id/edit", name: "edit", component: () => import("./edit/EditScreen.vue") },
    { path: "/library", name: "library", component: () => import("./library/LibraryScreen.vue") },
    { path: "/settings", name: "settings", component: () => import("./settings/SettingsScreen.vue") },
    { path: "/sign-in", name: "sign-in", component: () => import("./account/SignInScreen.vue"), meta: { open: true } },
    { path: "/sign-up", name: "sign-up", component: () => import("./account/SignUpScreen.vue"), meta: { open: true } },
    { path: "/:rest(.*)*", name: "nowhere", component: () => import("./ui/NowhereScreen.vue"), meta: { open: true } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach((to) => {
  if (session.phase !== "signed-in" && !to.meta.open) {
    return { name: "sign-in", query: to.fullPath === "/" ? {} : { next: to.fullPath } };
  }
  return true;
});
