"""What the scheduler consists of."""

from services.scheduler.settings import read_settings
from shared.contracts.topology import SCHEDULER_QUEUES
from shared.process.service import Service

SERVICE = Service(
    name="scheduler",
    read_settings=read_settings,
    processes={
        "tick": "services.scheduler.tick_process:tick",
        "consume": "services.scheduler.consume_process:consume",
        "setup": "services.scheduler.setup_process:setup",
    },
    commands={"unpark": "services.scheduler.operator_commands:run_command"},
    queues=SCHEDULER_QUEUES,
    retentions="services.scheduler.record_retention:RETENTIONS",
)
