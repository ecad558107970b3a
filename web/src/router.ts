import { createRouter, createWebHistory } from "vue-router";
import { session } from "./api/session";
import TodayScreen from "./today/TodayScreen.vue";

// A screen is loaded when it is first asked for; the one that people come for is there at once.
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "today", component: TodayScreen },
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
