"""The policies of nodes' owners in words: names of values, and codes among the values.

A name that is not here is shown as it is: newer nodes have more of them.
"""

from idlegrid_console.texts import n_

POLICY = {
    "profile": n_("Profile"),
    "start_after_s": n_("Work starts when the owner has been away for"),
    "resume_after_s": n_("What was frozen goes on when the owner has been away for"),
    "busy_if_input_within_s": n_("The owner counts as there until nothing was touched for"),
    "poll_claimed_s": n_("While it holds runs it looks for the owner every"),
    "poll_watching_s": n_("At other times it looks for the owner every"),
    "busy_above_pct": n_("Other programs claim it when they use more of its CPU than"),
    "busy_for_s": n_("They claim it when they do so for"),
    "clear_below_pct": n_("It is free of them again when they use less than"),
    "clear_for_s": n_("It is free of them again when they do so for"),
    "stop_on_battery": n_("No work on battery"),
    "ac_stable_s": n_("Work starts when it has been on mains for"),
    "max_frozen_s": n_("What is frozen is handed back after"),
    "evict_below_free_memory_pct": n_("What is frozen is handed back when less memory is free than"),
    "memory_back_s": n_("After the owner's return runs give back their memory within"),
    "memory_short_back_s": n_("The same when memory is short"),
    "frozen_memory_mb": n_("A frozen run may keep"),
    "evict_grace_s": n_("A run that must leave may tidy up for"),
    "spare_cores": n_("Cores that are left to the owner"),
    "memory_pct": n_("Of its memory runs may have"),
    "memory_floor_mb": n_("The newest run is ended when less memory is free than (0: as the node thinks fit)"),
    "warm_sandboxes": n_("Sandboxes that are kept ready"),
    "input": n_("Keyboard and mouse"),
    "watch_terminals": n_("Terminals count as input"),
    "network": n_("What HTTP requests may reach"),
    "input_file": n_("File that tells of the last input"),
    "inhibitors_count": n_("A film or presentation counts as use"),
    "watch_sessions": n_("Other sessions count as use"),
    "exclusive_programs": n_("Programs that have it to themselves"),
    "exclusive_hold_s": n_("They still have it after their end for"),
    "busy_above_memory_pressure_pct": n_(
        "It is claimed when programs wait for memory more of the time than (0: not used)"
    ),
    "busy_above_cpu_pressure_pct": n_("It is claimed when programs wait for a CPU more of the time than (0: not used)"),
    "closed_days": n_("Days on which it closes"),
    "closed_from": n_("Closed from"),
    "closed_until": n_("Closed until"),
    "no_start_before_s": n_("Nothing starts when it closes within"),
    "evict_before_s": n_("What runs is handed back when it closes within"),
}
"""The values of a policy, by their names, in the order in which they are shown."""

POLICY_CODES = {
    "input": {"required": n_("watched"), "not_applicable": n_("has none")},
    "network": {"none": n_("nothing"), "public": n_("public addresses"), "any": n_("any address")},
}
"""What their texts mean, of those that are codes."""

SENTENCES = {
    "profile": n_("It follows the profile {value}."),
    "start_after_s": n_("Work starts {value} after the owner's last key or movement."),
    "resume_after_s": n_("What was frozen goes on {value} after the owner's last key or movement."),
    "busy_if_input_within_s": n_("For {value} after each key or movement the owner counts as there."),
    "poll_claimed_s": n_("While it holds runs it looks for the owner every {value}."),
    "poll_watching_s": n_("At other times it looks for the owner every {value}."),
    "busy_above_pct": n_("It is the owner's while other programs use more than {value} of its CPU."),
    "busy_for_s": n_("They must do so for {value} to count."),
    "clear_below_pct": n_("It is free again when they use less than {value} of its CPU."),
    "clear_for_s": n_("They must do so for {value} to be believed."),
    "ac_stable_s": n_("Work starts {value} after it was put on mains."),
    "max_frozen_s": n_("What was frozen for {value} is handed back."),
    "evict_below_free_memory_pct": n_("What is frozen is handed back when less than {value} of the memory is free."),
    "memory_back_s": n_("Within {value} after the owner's return runs give back their memory."),
    "memory_short_back_s": n_("When memory is short they give it back within {value}."),
    "frozen_memory_mb": n_("A frozen run may keep {value} of memory."),
    "evict_grace_s": n_("A run that must leave may tidy up for {value}."),
    "spare_cores": n_("Cores that are left to the owner: {value}."),
    "memory_pct": n_("Runs may have {value} of its memory."),
    "warm_sandboxes": n_("Sandboxes that are kept ready: {value}."),
    "exclusive_hold_s": n_("For {value} after such a program has ended it is still not lent."),
}
"""The same as sentences, where a name and a value do not make one."""

ANSWERS = {
    "stop_on_battery": (n_("No work on battery."), n_("It works on battery, too.")),
    "watch_terminals": (n_("Keys in terminals count as the owner's."), n_("Keys in terminals do not count.")),
    "inhibitors_count": (n_("A film or presentation counts as use."), n_("A film or presentation does not count.")),
    "watch_sessions": (n_("What is done in other sessions counts as use."), n_("Other sessions do not count.")),
}
"""The sentences for yes and for no."""

NOT_USED = {
    "busy_above_memory_pressure_pct": n_("Programs that wait for memory do not count as use."),
    "busy_above_cpu_pressure_pct": n_("Programs that wait for a CPU do not count as use."),
    "memory_floor_mb": n_("The newest run is ended when the node thinks that too little memory is free."),
    "exclusive_programs": n_("No program has it to itself."),
    "closed_days": n_("It is closed on no day."),
}
"""The sentences for a value that switches a rule off: 0, or nothing."""
