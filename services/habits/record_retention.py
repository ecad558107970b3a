"""How long habits keeps records that have served their time; the relay prunes."""

from services.habits.portable.import_jobs import IMPORTS_KEPT
from shared.http.idempotency_keys import KEYS_KEPT

RETENTIONS = (KEYS_KEPT, IMPORTS_KEPT)
