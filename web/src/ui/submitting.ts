// A form on its way to the server: busy, and what the server said against it.

import { nextTick, ref } from "vue";
import { isOffline } from "../api/client";
import { ApiProblem } from "../api/problems";
import { t } from "../texts";

export function useSubmitting(send: () => Promise<void>) {
  const isBusy = ref(false);
  const message = ref("");
  const fields = ref<Record<string, string[]>>({});
  const problem = ref<ApiProblem | null>(null);

  async function submit(): Promise<void> {
    if (isBusy.value) {
      return;
    }
    isBusy.value = true;
    message.value = "";
    fields.value = {};
    problem.value = null;
    try {
      await send();
    } catch (error) {
      await tell(error);
    } finally {
      isBusy.value = false;
    }
  }

  async function tell(error: unknown): Promise<void> {
    if (error instanceof ApiProblem) {
      problem.value = error;
      fields.value = error.fields;
    }
    const isAtFields = Object.keys(fields.value).length > 0;
    message.value = isAtFields ? t("forms.lookAgain") : isOffline(error) ? t("offline.notNow") : (error as Error).message;
    await nextTick();
    document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }

  return { isBusy, message, fields, problem, submit };
}
