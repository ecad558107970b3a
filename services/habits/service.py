"""What habits consists of."""

from services.habits.settings import read_settings
from shared.contracts.topology import HABITS_QUEUES
from shared.process.service import Service

SERVICE = Service(
    name="habits",
    read_settings=read_settings,
    processes={
        "serve": "services.habits.app:serve",
        "consume": "services.habits.consume_process:consume",
        "setup": "services.habits.setup_process:setup",
        "rebuild-read-model": "services.habits.rebuild_read_model:rebuild",
    },
    commands={"announce-all": "services.habits.announce_all:run_command"},
    queues=HABITS_QUEUES,
    retentions="services.habits.record_retention:RETENTIONS",
)
