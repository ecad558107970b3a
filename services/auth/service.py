"""What auth consists of."""

from services.auth.settings import read_settings
from shared.contracts.topology import AUTH_QUEUES
from shared.process.service import Service

SERVICE = Service(
    name="auth",
    read_settings=read_settings,
    processes={
        "serve": "services.auth.app:serve",
        "consume": "services.auth.consume_process:consume",
        "setup": "services.auth.setup_process:setup",
    },
    commands={
        "rotate-keys": "services.auth.operator_commands:run_command",
        "accounts": "services.auth.operator_commands:run_command",
        "service-token": "services.auth.operator_commands:run_command",
        "announce-all": "services.auth.announce_all:run_command",
    },
    queues=AUTH_QUEUES,
    retentions="services.auth.record_retention:RETENTIONS",
)
