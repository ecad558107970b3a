"""What the notifier consists of."""

from services.notifier.settings import read_settings
from shared.contracts.topology import NOTIFIER_QUEUES
from shared.process.service import Service

SERVICE = Service(
    name="notifier",
    read_settings=read_settings,
    processes={
        "serve": "services.notifier.app:serve",
        "consume": "services.notifier.consume_process:consume",
        "bot": "services.notifier.bot_process:bot",
        "setup": "services.notifier.setup_process:setup",
    },
    commands={
        "unhandled-updates": "services.notifier.operator_commands:run_command",
        "announce-all": "services.notifier.announce_all:run_command",
    },
    queues=NOTIFIER_QUEUES,
    retentions="services.notifier.record_retention:RETENTIONS",
)
