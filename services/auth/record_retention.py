"""How long auth keeps records that have served their time; the relay prunes."""

from services.auth.tables import RATE_WINDOWS, REFRESH_TOKENS
from shared.http.idempotency_keys import KEYS_KEPT
from shared.pruning import Retention

RETENTIONS = (
    KEYS_KEPT,
    Retention(REFRESH_TOKENS.c.expires_at),
    Retention(RATE_WINDOWS.c.lapses_at),
)
