"""The coordinator's settings: from the environment (prefix `IDLEGRID_`), checked at start, wrong ones named."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from limits import parse_many
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from idlegrid_server.core.limits import USAGE_WINDOW
from idlegrid_server.core.matching import QueueOrder

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def listed(words: str) -> list[str]:
    """What stands between the commas."""
    return [word.strip() for word in words.split(",") if word.strip()]


def _one_limit(words: str) -> str:
    """One limit as the library `limits` reads it, of at least one. Raises ValueError."""
    try:
        found = parse_many(words)
    except ValueError:
        found = []
    if len(found) != 1 or found[0].amount < 1:
        raise ValueError(f"{words!r} is no limit: write it like 60000/minute, or 5 per 10 seconds")
    return words


def _addresses(words: str) -> str:
    """Addresses and networks, or `*`. Raises ValueError."""
    for word in listed(words):
        if word != "*":
            ip_network(word)
    return words


RateLimit = Annotated[str, AfterValidator(_one_limit)]


class Settings(BaseSettings):
    """One frozen object; every default stands here and nowhere else."""

    model_config = SettingsConfigDict(env_prefix="IDLEGRID_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    data: Path = Path("~/.idlegrid/grid").expanduser()
    database_url: str = ""
    """Empty means SQLite in the data folder."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    auth: Literal["auto", "off", "required"] = "auto"
    """`auto`: off on a loopback address, required elsewhere."""
    cors_origins: str = ""
    allowed_hosts: str = ""
    """Names, separated by commas, that the Host header may have; empty means any where keys are required."""
    trusted_proxies: Annotated[str, AfterValidator(_addresses)] = ""
    """Addresses and networks, separated by commas, whose `X-Forwarded-For` and `-Proto` are believed; `*` is all."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """PEM files; both or none."""
    token_key_file: Path | None = None
    """The secret that signs tokens, made when it is not there. None means `token.key` in the data folder; coordinators
    that share a record must share this file, too."""
    token_seconds: float = Field(default=900.0, ge=10, le=86_400)
    """How long a token is good."""
    rate_limit: RateLimit = "60000/minute"
    """Requests by one key, as `limits` writes it."""
    address_rate_limit: RateLimit = "120000/minute"
    """Requests from one address."""
    failed_auth_limit: RateLimit = "20/minute"
    """Requests from one address with a wrong key."""
    webhook_allow_private: bool = False
    """Whether webhooks may point to private addresses."""
    keep_runs_days: float = Field(default=90.0, gt=0)
    """Ended runs, with all that belongs to them."""
    keep_events_days: float = Field(default=30.0, gt=0)
    """The stories of runs, and what nodes were doing when."""
    keep_logs_days: float = Field(default=30.0, gt=0)
    """What runs printed, and the coordinators' journal."""
    keep_deliveries_days: float = Field(default=30.0, gt=0)
    keep_usage_days: float = Field(default=30.0, ge=USAGE_WINDOW / 86_400)
    """At least as long as the fair order looks back."""
    dist_dir: Path | None = None
    """Where the wheels lie that `/dist/simple/` offers."""
    ready_file: Path | None = None
    """`/health` says `starting` until this file is there."""
    max_body_bytes: int = Field(default=1 << 20, ge=1024)
    max_report_bytes: int = Field(default=16 << 20, ge=1024)
    lease_seconds: float = Field(default=30.0, gt=0)
    heartbeat_seconds: float = Field(default=10.0, gt=0)
    listing_seconds: float = Field(default=10.0, gt=0)
    start_grace_seconds: float = Field(default=30.0, ge=0)
    outbox_seconds: float = Field(default=5.0, ge=0)
    tick_seconds: float = Field(default=0.5, gt=0)
    queue_order: QueueOrder = QueueOrder.FIFO
    """Which run comes first; changed, it holds for runs made from then on."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def needs_keys(self) -> bool:
        """Whether callers must show a key."""
        return self.auth == "required" or (self.auth == "auto" and self.host not in LOOPBACK)

    @property
    def record_url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data / 'grid.db'}"
