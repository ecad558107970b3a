"""Keeps chats and pending updates from one run of the simulator to the next, in one JSON file.

Without it a restart would leave linked chats behind that "do not exist", and the bot would take
their people for gone. The file is replaced whole, so a crash leaves the old one or the new one.
"""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.telegram_simulator.chats import Button, Chat, Message
from deploy.telegram_simulator.world import Press, Webhook, World

_LEAST_SECONDS_BETWEEN_SAVES = 0.5


class UnreadableState(Exception):
    """The file of saved state cannot be read; deleting it starts afresh."""


def load(world: World, path: Path) -> None:
    """Put what was saved into a fresh world; no file is no state."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError as error:
        raise UnreadableState(f"{path}: not a saved state of the simulator") from error
    for chat in saved["chats"]:
        messages = [_message(message) for message in chat.pop("messages")]
        world.chats.create(Chat(**chat, messages=messages))
    world.chats.next_message_id = saved["next_message_id"]
    world.updates.next_id = saved["next_update_id"]
    world.updates.allowed = saved["allowed_updates"]
    world.updates.restore(saved["pending_updates"])
    world.presses = {query_id: Press(**press) for query_id, press in saved["presses"].items()}
    world.menus = saved.get("menus", {})
    world.webhook = Webhook(**saved["webhook"]) if saved["webhook"] else None


def _message(saved: dict[str, Any]) -> Message:
    rows = saved.pop("buttons")
    return Message(**saved, buttons=tuple(tuple(Button(**b) for b in row) for row in rows))


def save(world: World, path: Path) -> None:
    """Write the state beside the file, then put it in its place."""
    state = {
        "chats": [asdict(chat) for chat in world.chats.all()],
        "next_message_id": world.chats.next_message_id,
        "next_update_id": world.updates.next_id,
        "allowed_updates": list(world.updates.allowed),
        "pending_updates": world.updates.pending(),
        "presses": {query_id: asdict(press) for query_id, press in world.presses.items()},
        "menus": world.menus,
        "webhook": asdict(world.webhook) if world.webhook else None,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(state), encoding="utf-8")
    new.chmod(0o600)
    new.replace(path)


async def save_for_ever(world: World, path: Path) -> None:
    """Save after each change, but not much more often than twice a second; runs until cancelled."""
    while True:
        version = world.changes.version
        save(world, path)
        await asyncio.sleep(_LEAST_SECONDS_BETWEEN_SAVES)
        await world.changes.wait_beyond(version)
