"""What all tables have in common."""

from typing import Final

from sqlalchemy import BigInteger, Integer, MetaData

metadata: Final = MetaData()

BigId: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only a plain INTEGER key."""
