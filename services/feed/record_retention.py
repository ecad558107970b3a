"""How long the feed keeps records that have served their time; `deliver` prunes."""

from datetime import timedelta

from services.feed.tables import DELIVERIES
from shared.pruning import Retention

RETENTIONS = (Retention(DELIVERIES.c.attempted_at, timedelta(days=30)),)
