// What the screens read. Each key begins with the account: nothing of one is shown to another.

import { QueryClient, useQuery } from "@tanstack/vue-query";
import { computed, toValue, type MaybeRefOrGetter } from "vue";
import { api, dataOf, isOffline } from "./client";
import { accountId } from "./session";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: 30_000,
      gcTime: Infinity,
      retry: (failures, error) => isOffline(error) && failures < 2,
    },
  },
});

export const KEYS = {
  profile: () => [accountId(), "profile"],
  sessions: () => [accountId(), "sessions"],
  today: () => [accountId(), "today"],
  grids: () => [accountId(), "grid"],
  habits: () => [accountId(), "habits"],
  habit: (id: string) => [accountId(), "habit", id],
  statistics: (id: string) => [accountId(), "statistics", id],
  history: (id: string) => [accountId(), "history", id],
  library: () => [accountId(), "library"],
  chatLink: () => [accountId(), "chat-link"],
};

export function useProfile() {
  return useQuery({ queryKey: KEYS.profile(), queryFn: () => dataOf(api.GET("/api/me/")) });
}

export function useSessions() {
  return useQuery({ queryKey: KEYS.sessions(), queryFn: () => dataOf(api.GET("/api/me/sessions/")) });
}

export function useToday() {
  return useQuery({
    queryKey: KEYS.today(),
    queryFn: () => dataOf(api.GET("/api/habit/today/")),
  });
}

export function useGrid(range: MaybeRefOrGetter<{ from: string; to: string }>) {
  return useQuery({
    queryKey: computed(() => [...KEYS.grids(), toValue(range)]),
    queryFn: () => dataOf(api.GET("/api/habit/days/", { params: { query: toValue(range) } })),
    placeholderData: (before) => before,
  });
}

// Up to a hundred habits, which is more than anybody looks at in one list.
export function useHabits() {
  return useQuery({
    queryKey: KEYS.habits(),
    queryFn: () => dataOf(api.GET("/api/habit/", { params: { query: { page_size: 100 } } })),
  });
}

export function useHabit(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => KEYS.habit(toValue(id))),
    enabled: computed(() => toValue(id) !== ""),
    queryFn: () => dataOf(api.GET("/api/habit/{habit_id}/", { params: { path: { habit_id: toValue(id) } } })),
  });
}

export function useStatistics(id: MaybeRefOrGetter<string>, asOf: string) {
  return useQuery(computed(() => statisticsQuery(toValue(id), asOf)));
}

export function statisticsQuery(id: string, asOf: string) {
  const params = { path: { habit_id: id }, query: { as_of: asOf } };
  return {
    queryKey: [...KEYS.statistics(id), asOf],
    queryFn: () => dataOf(api.GET("/api/habit/{habit_id}/stats/", { params })),
  };
}

export function useHistory(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => KEYS.history(toValue(id))),
    queryFn: () =>
      dataOf(
        api.GET("/api/habit/{habit_id}/history/", {
          params: { path: { habit_id: toValue(id) }, query: { page_size: 100 } },
        }),
      ),
  });
}

export function useLibrary(page: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => [...KEYS.library(), toValue(page)]),
    queryFn: () => dataOf(api.GET("/api/habit/public/", { params: { query: { page: toValue(page), page_size: 20 } } })),
    placeholderData: (before) => before,
  });
}

export function useChatLink(isAwaited: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: KEYS.chatLink(),
    queryFn: () => dataOf(api.GET("/api/tg/link/")),
    // While the person is in Telegram, pressing Start.
    refetchInterval: () => (toValue(isAwaited) ? 2_000 : false),
  });
}

// After a change of a habit: everything that shows it.
export function habitsHaveChanged(): Promise<void> {
  return queryClient.invalidateQueries({ queryKey: [accountId()] });
}
