"""The coordinator of an idlegrid: takes code over HTTP, queues it, hands it to idle nodes, keeps the record."""

from typing import Final

VERSION: Final = "1.0.0"

__all__ = ["VERSION"]
