"""Alembic's entry: always online, on the connection that `record.engine.migrate` hands over."""

from alembic import context

from idlegrid_server.record.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
