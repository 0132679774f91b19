"""The coordinator's settings: from the environment (prefix `IDLEGRID_`), checked at start, wrong ones named."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from idlegrid_server.core.matching import QueueOrder

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
