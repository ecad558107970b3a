"""How long habits keeps records that have served their time; the relay prunes."""

from shared.http.idempotency_keys import KEYS_KEPT

RETENTIONS = (KEYS_KEPT,)
