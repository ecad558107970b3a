"""What auth consists of."""

from services.auth.settings import read_settings
from shared.process.service import Service

SERVICE = Service(
    name="auth",
    read_settings=read_settings,
    processes={
        "serve": "services.auth.app:serve",
        "setup": "services.auth.setup_process:setup",
    },
    commands={
        "rotate-keys": "services.auth.operator_commands:run_command",
        "accounts": "services.auth.operator_commands:run_command",
        "service-token": "services.auth.service_tokens:run_command",
        "announce-all": "services.auth.announce_all:run_command",
    },
    retentions="services.auth.record_retention:RETENTIONS",
)
