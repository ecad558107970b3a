"""The methods by which the bot hears: long polls or a webhook, one of them at a time."""

import re

from deploy.telegram_simulator.bot_parameters import (
    BotRefused,
    Parameters,
    bad_request,
    integer,
    json_list,
)
from deploy.telegram_simulator.polling import (
    BY_WEBHOOK,
    MAX_LIMIT,
    MAX_TIMEOUT_SECONDS,
    Polling,
    PollTerminated,
)
from deploy.telegram_simulator.telegram_shapes import JSON
from deploy.telegram_simulator.world import Webhook, World

_SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")


class UpdateMethods:
    """Hands out the pending updates, or says where they are to be brought."""

    def __init__(self, world: World, polling: Polling) -> None:
        self._world = world
        self._polling = polling

    async def get_updates(self, parameters: Parameters) -> list[JSON]:
        if self._world.webhook is not None:
            raise BotRefused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._note_allowed_updates(parameters)
        limit = integer(parameters, "limit", MAX_LIMIT)
        timeout_seconds = integer(parameters, "timeout", 0)
        try:
            return await self._polling.next_updates(
                integer(parameters, "offset", 0),
                limit if 1 <= limit <= MAX_LIMIT else MAX_LIMIT,
                max(0, min(timeout_seconds, MAX_TIMEOUT_SECONDS)),
            )
        except PollTerminated as terminated:
            raise BotRefused(409, str(terminated)) from None

    async def set_webhook(self, parameters: Parameters) -> bool:
        url = parameters.get("url", "").strip()
        if not url:
            return await self.delete_webhook(parameters)
        if not url.startswith(("http://", "https://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        secret_token = parameters.get("secret_token") or None
        if secret_token is not None and not _SECRET_TOKEN.fullmatch(secret_token):
            raise bad_request("secret token contains unallowed characters")
        self._note_allowed_updates(parameters)
        self._polling.terminate(BY_WEBHOOK)
        self._replace_webhook(Webhook(url, secret_token), parameters)
        return True

    async def delete_webhook(self, parameters: Parameters) -> bool:
        self._replace_webhook(None, parameters)
        return True

    async def get_webhook_info(self, _: Parameters) -> JSON:
        webhook = self._world.webhook
        info: JSON = {
            "url": webhook.url if webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.updates),
        }
        if webhook is not None and webhook.last_error_at is not None:
            info["last_error_date"] = int(webhook.last_error_at)
            info["last_error_message"] = webhook.last_error
        if self._world.updates.allowed:
            info["allowed_updates"] = list(self._world.updates.allowed)
        return info

    def _replace_webhook(self, webhook: Webhook | None, parameters: Parameters) -> None:
        self._world.webhook = webhook
        if parameters.get("drop_pending_updates", "").lower() in {"true", "1"}:
            self._world.updates.clear()
        self._world.changes.announce()

    def _note_allowed_updates(self, parameters: Parameters) -> None:
        """Keep the kinds asked for before when none are named, as the real one."""
        if "allowed_updates" in parameters:
            self._world.updates.allowed = [
                str(kind) for kind in json_list(parameters, "allowed_updates")
            ]
