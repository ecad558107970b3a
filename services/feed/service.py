"""What the feed consists of."""

from services.feed.settings import read_settings
from shared.contracts.topology import FEED_QUEUES
from shared.process.service import Service

SERVICE = Service(
    name="feed",
    read_settings=read_settings,
    processes={
        "serve": "services.feed.app:serve",
        "consume": "services.feed.consume_process:consume",
        "deliver": "services.feed.deliver_process:deliver",
        "setup": "services.feed.setup_process:setup",
    },
    queues=FEED_QUEUES,
)
