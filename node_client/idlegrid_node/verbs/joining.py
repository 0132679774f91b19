"""Exchanging a join token for the node's key before the node is started."""

from idlegrid_node.errors import NodeError
from idlegrid_node.settings import Settings


def exchange_token(settings: Settings) -> None:
    """Get the node its key and keep it in the data folder, if a token was given and no good key is there.

    Raises `NodeError` when the coordinator does not take the token, or does not answer.
    """
    from idlegrid.errors import IdlegridError
    from idlegrid.session import Session
    from idlegrid_node import logs
    from idlegrid_node.enrolment import Enrolment
    from idlegrid_node.link import ANSWER_SECONDS, Link

    if settings.join is None:
        return
    logs.configure()
    with Session(settings.server, timeout=ANSWER_SECONDS, ca_file=settings.ca_file) as session:
        enrolment = Enrolment(session, settings.node_id, settings.folder, settings.join, settings.api_key)
        try:
            Link(session, settings.node_id, enrolment.keyed).knock()
        except IdlegridError as error:
            raise NodeError(f"the join token brings no key, so nothing is installed: {error}") from error
