"""The hostile programs, and what must become of each at level 3 and at level 2: data, no code."""

from .verdicts import Program

COMPLETED, TIMED_OUT = "completed/", "timed_out/timeout"
MEMORY, OUTPUT, DISK = "failed/memory_limit", "failed/output_limit", "failed/disk_limit"
CROWDED = "failed/process_limit"
CRASHED = "failed/user_error"

NOTHING = "HELD nothing"
FOR_NOW = "HELD for now"
ANY = ".*"
DENIED = "EPERM"
CLOSED = "EPERM|EACCES"
GONE = "ENOENT"
OUT_OF_SIGHT = "ENOENT|EACCES|EPERM"
NO_ROUTE = "ECONNREFUSED|ENETUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT|HELD TimeoutError"
UNWRITABLE = "EROFS|EACCES|EPERM|ENOENT"
NO_LIMIT_PASSED = r"HELD ([1-9]|[1-9]\d|1[01]\d|12[0-8])"
A_COUNT = r"HELD \d+"

TABLE = (
    Program(
        1,
        "owner_files",
        {
            "stat.*": GONE,
            "make a link.*": "ENOENT|EXDEV",
            "read it by dots": GONE,
            ".*": GONE,
        },
        {"stat.*": "SEEN.*|EACCES|ENOENT", "change a (mode|time)": "SEEN .*|EACCES|EPERM", ".*": "EACCES|EPERM|EXDEV"},
    ),
    Program(
        2,
        "node_secrets",
        {
            "processes": "HELD [1-4]",
            "memory of the (first|parent).*": f"{NOTHING}|{CLOSED}|EIO",
            ".*": f"{NOTHING}|{GONE}",
        },
        {"processes": rf"{A_COUNT}|EACCES", ".*": f"{NOTHING}|{OUT_OF_SIGHT}"},
    ),
    Program(3, "descriptors", {".*": f"{NOTHING}|EACCES|EPERM"}),
    Program(
        4,
        "network",
        {"listen on.*|interfaces": NOTHING, "a name": "HELD gaierror|EAI.*|E.*", ".*": NO_ROUTE},
        {"a name": "HELD gaierror|E.*", ".*": f"{CLOSED}|EAFNOSUPPORT"},
    ),
    Program(
        5,
        "desktop_sockets",
        {"abstract.*": "ECONNREFUSED", "names of sockets": NOTHING, ".*": GONE},
        {".*": CLOSED + "|ENOENT"},
    ),
    Program(6, "odd_sockets", {".*": "EAFNOSUPPORT|EPERM|EACCES|ESOCKTNOSUPPORT|EPROTONOSUPPORT"}),
    Program(7, "fork_bomb", {"children": NO_LIMIT_PASSED}, ends=(COMPLETED, CROWDED), cut=True, crowd=True),
    Program(7, "fork_storm", {"storm": FOR_NOW}, ends=(TIMED_OUT, CROWDED), cut=True, crowd=True, timeout=1.0),
    Program(8, "thread_bomb", {"threads": NO_LIMIT_PASSED}, ends=(COMPLETED, CROWDED), cut=True, crowd=True),
    Program(9, "memory", {"10 GB reserved": "HELD.*|ENOMEM"}, ends=(MEMORY,), cut=True, crowd=True),
    Program(9, "memory_of_children", {}, ends=(MEMORY,), cut=True, crowd=True),
    Program(
        10,
        "hidden_memory",
        {"memfd.*|System V.*": "EPERM|ENOSYS", "socket buffers": r"SEEN .*|E.*", "end": "HELD"},
        crowd=True,
    ),
    Program(10, "memory_in_files", {"files": r"HELD \d+ MiB"}, ends=(COMPLETED, MEMORY, DISK), cut=True, crowd=True),
    Program(
        11,
        "full_disk",
        {"/dev/shm|/tmp|[.]": "ENOSPC|EFBIG|ENOMEM|HELD nothing", ".*": UNWRITABLE},
        {"[.]": "ENOSPC|EFBIG|HELD nothing", ".*": UNWRITABLE},
        ends=(COMPLETED, MEMORY, DISK),
        cut=True,
    ),
    Program(12, "many_files", {"empty files": A_COUNT}, ends=(COMPLETED, DISK, MEMORY), cut=True),
    Program(
        12,
        "sparse_file",
        {".*": "EFBIG|ENOSPC"},
        {"truncate in shared memory": UNWRITABLE, ".*": "EFBIG|ENOSPC"},
    ),
    Program(13, "flood_stdout", {}, ends=(OUTPUT,), cut=True),
    Program(13, "flood_stderr", {}, ends=(OUTPUT,), cut=True),
    Program(14, "deaf", {"deaf": FOR_NOW}, ends=(TIMED_OUT,), patient=True, timeout=4.0),
    Program(14, "silent", {"silent": FOR_NOW}, ends=(TIMED_OUT,), patient=True, timeout=4.0),
    Program(15, "daemon", {"setsid": DENIED, "parent": "HELD and ends"}, crowd=True),
    Program(16, "many_sessions", {r"setsid \d": DENIED}, ends=(TIMED_OUT, CROWDED), cut=True, crowd=True, timeout=1.0),
    Program(17, "other_processes", {".*": "EPERM|EACCES|EROFS|ESRCH|ENOENT"}),
    Program(18, "system_files", {".*": UNWRITABLE}),
    Program(19, "kernel_settings", {"all below.*": NOTHING, ".*": f"{UNWRITABLE}|EIO|EINVAL"}),
    Program(
        20,
        "outputs",
        {
            "a hard link to su": "EXDEV|EPERM",
            "a device": CLOSED,
            "end": "HELD",
            "setuid bit": f"{NOTHING}|EPERM",
            ".*": NOTHING,
        },
        {"a hard link to su": "EXDEV|EPERM|EACCES", "a device": CLOSED, "end": "HELD", ".*": f"{NOTHING}|EPERM|EACCES"},
    ),
    Program(20, "too_many_outputs", {"end": "HELD"}, ends=(COMPLETED, DISK)),
    Program(21, "keyring", {"names of keys": f"{NOTHING}|EACCES|ENOENT", ".*": "EPERM|ENOSYS"}),
    Program(22, "devices", {"make.*": CLOSED, ".*": GONE}, {"make.*": CLOSED, ".*": "ENOENT|EACCES"}),
    Program(23, "mounts", {".*": f"{DENIED}|ENOSYS"}, {".*": f"{CLOSED}|ENOSYS"}),
    Program(
        24,
        "namespaces",
        {"clone3.*": "ENOSYS|EPERM", "join the first.*": OUT_OF_SIGHT, ".*": DENIED},
        {"clone3.*": "ENOSYS|EPERM", "join.*": OUT_OF_SIGHT, ".*": DENIED},
    ),
    Program(25, "system", {".*": f"{DENIED}|ENOSYS"}),
    Program(
        26,
        "signals",
        {
            "the supervisor.*": f"{NOTHING}|EPERM",
            "everybody": f"{NOTHING}|ESRCH|EPERM",
            "anybody": NOTHING,
            ".*": "ESRCH|EPERM",
        },
        {"everybody": f"{NOTHING}|ESRCH|EPERM", "anybody": NOTHING, ".*": "ESRCH|EPERM"},
    ),
    Program(
        27,
        "priority",
        {"all of its user": f"{NOTHING}|EPERM", "all cores": "SEEN.*|EPERM|EINVAL", ".*": CLOSED},
        {"all of its user": CLOSED, "all cores": "SEEN.*|EPERM|EINVAL", ".*": CLOSED},
    ),
    Program(28, "watches", {".*": DENIED}),
    Program(29, "rare_calls", {".*": f"{DENIED}|ENOSYS"}),
    Program(
        30,
        "terminal",
        {
            ".*into.*|with.*": DENIED,
            "/dev/tty": "ENXIO|ENOENT|EACCES",
            "/dev/pts": f"{NOTHING}|{OUT_OF_SIGHT}",
            "/dev/tty1": OUT_OF_SIGHT,
        },
    ),
    Program(
        31,
        "privileges",
        {
            "no_new_privs": "HELD '1'",
            "capabilities": "HELD '0+'",
            "filter": "HELD '2'",
            "su": f"{NOTHING}|{OUT_OF_SIGHT}",
            ".*": "EPERM|EINVAL",
        },
        {"no_new_privs|capabilities|filter": "HELD.*|EACCES", "su": f"{NOTHING}|{OUT_OF_SIGHT}", ".*": "EPERM|EINVAL"},
    ),
    Program(
        32,
        "shared_memory",
        {"list of segments|all POSIX.*": NOTHING, "POSIX queue": DENIED, ".*": "ENOENT|EINVAL|EPERM|EIDRM"},
        {".*": f"{CLOSED}|EINVAL|ENOENT|ENOSYS"},
    ),
    Program(33, "segfault", {"crash": FOR_NOW}, ends=(CRASHED,)),
    Program(
        33, "recursion", {"recursion": "HELD.*"}, ends=(COMPLETED, CRASHED, TIMED_OUT, MEMORY), cut=True, timeout=3.0
    ),
    Program(34, "output_bytes", {".*": "HELD .*"}),
    Program(
        35,
        "crowd_of_files",
        {
            "one more": "EMFILE",
            "descriptors": r"HELD ([1-9]\d{0,2}|10[012]\d)",
            "core dumps": NOTHING,
            "largest core": "HELD [01]",
        },
    ),
)
