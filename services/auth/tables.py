"""The tables of auth's database.

An e-mail address is stored in one canonical spelling, so that its unique constraint alone decides
which of two parallel registrations wins. No secret is stored readable: passwords as argon2id
hashes, refresh tokens and tokens for programs as SHA-256, successors and private keys sealed.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Time,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database import new_metadata
from shared.http.idempotency_keys import define_idempotency_keys
from shared.outbox.table import define_outbox

METADATA = new_metadata()

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("password_changed_at", DateTime(timezone=True), nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column(
        "settings_since",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
    Column("quiet_from", Time),
    Column("quiet_to", Time),
    Column("day_starts_at", SmallInteger, nullable=False, server_default="0"),
    Column("weekly_digest", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False),
    CheckConstraint("locale IN ('en', 'ru')", name="locale_known"),
    CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet_hours_whole"),
    CheckConstraint("quiet_from <> quiet_to", name="quiet_hours_end"),
    CheckConstraint("day_starts_at BETWEEN 0 AND 6", name="day_starts_at_night"),
    CheckConstraint("version > 0", name="version_positive"),
)

# All that is left of an erased account: its id cannot come back, its last version is known.
ERASED_ACCOUNTS = Table(
    "erased_accounts",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
)

# A family is one sign-in and all tokens that came of it: a session. A revoked one has no rows left.
# Each token carries on what its owner is shown of the session.
REFRESH_TOKENS = Table(
    "refresh_tokens",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("sealed_successor", LargeBinary),
    Column("session_since", DateTime(timezone=True)),
    Column("user_agent", Text),
    CheckConstraint("expires_at > issued_at", name="lives"),
    CheckConstraint("sealed_successor IS NULL OR used_at IS NOT NULL", name="successor_of_used"),
    Index("ix_refresh_tokens_family_id", "family_id"),
    Index("ix_refresh_tokens_account_id_expires_at", "account_id", "expires_at"),
    Index("ix_refresh_tokens_expires_at", "expires_at"),
)

# Tokens for programs: personal ones of an account, and service tokens, which belong to nobody.
API_TOKENS = Table(
    "api_tokens",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("starts_with", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_on", Date),
    CheckConstraint("cardinality(scopes) > 0", name="may_do_something"),
    Index(
        "uq_api_tokens_name_of_service",
        "name",
        unique=True,
        postgresql_where=text("account_id IS NULL"),
    ),
)

SIGNING_KEYS = Table(
    "signing_keys",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("public_jwk", JSONB, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("signs_from", DateTime(timezone=True), nullable=False),
    Column("retired_at", DateTime(timezone=True)),
)

# Instants of what was counted, and of places held until it is known whether to count them. Found by
# subject only, so that an update touches no index.
RATE_WINDOWS = Table(
    "rate_windows",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("counted", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("held", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("lapses_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)

define_idempotency_keys(METADATA)

OUTBOX = define_outbox(METADATA)
