"""Exchanging a join token for the node's key before the node is started."""

from idlegrid_node.errors import NodeError
from idlegrid_node.settings import Settings


def exchange_token(settings: Settings) -> None:
    """Get the node its key and keep it in the data folder, if a token was given and no good key is there.

    Raises `NodeError` when the coordinator does not take the token, or does not answer.
    """
    from idlegrid.errors import Conflict, IdlegridError, NotFound
    from idlegrid.session import Session
    from idlegrid_node import logs
    from idlegrid_node.enrolment import Enrolment
    from idlegrid_node.link import ANSWER_SECONDS, Link
    from idlegrid_node.verbs.doctor import NO_RUN
    from idlegrid_node.wire import Lease, TaskFile

    if settings.join is None:
        return
    logs.configure()
    with Session(settings.server, timeout=ANSWER_SECONDS, ca_file=settings.ca_file) as session:
        enrolment = Enrolment(session, settings.node_id, settings.folder, settings.join, settings.api_key)
        link = Link(session, settings.node_id, enrolment.keyed)
        try:
            link.task_file(Lease(NO_RUN, "0" * 32, ""), TaskFile("service", 0, ""))
        except (NotFound, Conflict):
            return  # there is no such run, nor was a node heard of that only wanted to be let in
        except IdlegridError as error:
            raise NodeError(f"the join token brings no key, so nothing is installed: {error}") from error
