"""The wire's words about queues, components, logs, keys and webhooks, for people; `texts.name` reads these tables."""

from idlegrid_console.texts import n_

QUEUE_SERVED = {
    "unserved": n_("no node can"),
    "held": n_("no node now"),
    "served": n_("served"),
}
"""Whether nodes serve a queue: the worst first."""

COMPONENT = {
    "database": n_("Database"),
    "message_queue": n_("Queue (Redis)"),
    "scheduler": n_("Scheduler"),
    "workers": n_("Nodes"),
    "api": n_("API"),
}
"""The parts of a grid, in the order in which the others need them."""

HEALTH = {"healthy": n_("well"), "degraded": n_("not well"), "unhealthy": n_("down"), "unknown": n_("unknown")}
"""The `status` of a component."""

WRONG = {
    "database unhealthy": n_("The database does not answer: nothing can be submitted, and no run's end can be kept."),
    "message_queue unhealthy": n_("Redis does not answer: nodes are given nothing. Submissions are taken meanwhile."),
    "scheduler degraded": n_(
        "No beat has come through waker and control worker for two minutes: schedules fire late, and nothing else."
    ),
    "scheduler unhealthy": n_("Nobody can tell while the database does not answer."),
    "workers degraded": n_("Nodes are known, but none of them is there: what is submitted waits."),
    "workers unhealthy": n_("No node has joined yet: what is submitted waits."),
}
"""What it means that a component is in that state."""

REMEDY = {
    "database unhealthy": n_(
        "Look at its server, and at the free room on its disk. The coordinator goes on by itself once it answers."
    ),
    "message_queue unhealthy": n_("Start Redis again. The queue is filled anew from the record, whatever it lost."),
    "scheduler degraded": n_("Look at idlegrid-waker and idlegrid-worker@control (`systemctl status`), or at Redis."),
    "scheduler unhealthy": n_("Look at the database first."),
    "workers degraded": n_("Look at the Nodes page for why: switched off, away from the network, or quarantined."),
    "workers unhealthy": n_("Lend a machine: the Nodes page has the command."),
}
"""What to do about it."""

LOG_LEVEL = {"info": n_("info"), "warn": n_("warning"), "error": n_("error")}
"""The levels that are kept, by weight; a filter shows the one named and those above."""

SERVICES = ("scheduler", "api", "nodes", "queue", "database")
"""Which parts of a coordinator log, as they are called in the log itself."""

SCOPE = {
    "submit": n_("Make runs; see, cancel and restart its own."),
    "read:tasks": n_("See tasks and schedules."),
    "write:tasks": n_("Make, change, trigger and delete tasks."),
    "read:runs": n_("See everybody's runs, with their code, logs and results."),
    "write:runs": n_("Cancel and restart everybody's runs."),
    "read:workers": n_("See nodes."),
    "write:workers": n_("Drain, quarantine and unregister nodes, and set their policy."),
    "read:jobs": n_("Read the jobs API, for other programs."),
    "read:system": n_("See queues, health, figures and logs."),
    "webhooks": n_("Make and change webhooks, and see what they were sent."),
    "node": n_("Speak as a node; nodes are given theirs by a join token."),
    "join": n_("Enrol nodes: a join token, and nothing else."),
    "admin": n_("Everything, keys included."),
}
"""All that a key can be given (docs/protocol.md, 4)."""

KEY_STATE = {
    "valid": n_("valid"),
    "spent": n_("used up"),
    "expired": n_("expired"),
    "revoked": n_("revoked"),
}
"""What a key is still good for."""

EVENT = {
    "task.created": n_("a task was made"),
    "task.updated": n_("a task was changed"),
    "task.deleted": n_("a task was deleted"),
    "task.triggered": n_("a run of a task was made"),
    "task.completed": n_("a run ended well"),
    "task.failed": n_("a run failed or was cancelled"),
    "worker.registered": n_("a node joined"),
    "worker.unregistered": n_("a node left or was lost"),
    "worker.heartbeat": n_("a node's first heartbeat of a minute"),
    "system.health_check": n_("the grid's health, hourly and on change"),
}
"""The events of webhooks (docs/protocol.md, 5)."""

WEBHOOK_STATE = {"on": n_("on"), "failing": n_("failing"), "off": n_("off"), "switched_off": n_("switched off")}
"""How an endpoint stands: off by its owner's word, switched off by the grid."""

DELIVERY_STATE = {"delivered": n_("delivered"), "pending": n_("on its way"), "failed": n_("failed")}
"""The `state` of a delivery."""
