"""What the filter answers to every call, by interpreting it as the kernel would (classic BPF, linux/filter.h)."""

import errno
import struct

import pytest

from idlegrid_node.sandbox.seccomp import Profile, program
from idlegrid_node.sandbox.syscalls import ARCHITECTURES

ALLOW, KILL = "allow", "kill"
HIGH = 0xDEADBEEF << 32
"""Upper halves are not the kernel's business where an argument is an int."""

DENIED = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init fanotify_mark finit_module
fsconfig fsmount fsopen fspick get_mempolicy init_module inotify_init inotify_init1 io_setup io_uring_enter
io_uring_register io_uring_setup ioperm iopl ioprio_set kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind
memfd_create memfd_secret migrate_pages modify_ldt mount mount_setattr move_mount move_pages mq_open
name_to_handle_at nfsservctl open_by_handle_at open_tree open_tree_attr perf_event_open pidfd_getfd pivot_root
process_madvise process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot request_key sched_setaffinity
sched_setattr sched_setparam sched_setscheduler set_mempolicy set_mempolicy_home_node setdomainname sethostname setns
setsid settimeofday shmget swapoff swapon syslog umount2 unshare uselib userfaultfd vhangup
"""
DENIED_CONFINED = """
bind connect mq_unlink msgctl msgget msgrcv msgsnd pidfd_open semctl semget semop semtimedop setpgid setpriority shmat
shmctl socket
"""
ONLY_ON_X86 = {"inotify_init", "ioperm", "iopl", "modify_ldt", "uselib"}
every_machine = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
every_profile = pytest.mark.parametrize("profile", list(Profile))


def answer(filter_bytes: bytes, data: bytes) -> str | int:
    """Run the filter on a `struct seccomp_data`; returns ALLOW, KILL or the errno."""
    steps = list(struct.iter_unpack("=HBBI", filter_bytes))
    here = accumulator = 0
    while True:
        code, then, otherwise, operand = steps[here]
        here += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x15 | 0x25 | 0x35:
                holds = {0x15: accumulator == operand, 0x25: accumulator > operand, 0x35: accumulator >= operand}
                here += then if holds[code] else otherwise
            case 0x06:
                return named(operand)
            case _:
                raise AssertionError(f"the kernel knows no instruction {code:#x}, or the filter has no use for it")


def named(action: int) -> str | int:
    """What the filter's action does."""
    if action >> 16 == 0x0005:
        return action & 0xFFFF
    return {0x7FFF0000: ALLOW, 0x80000000: KILL}[action]


def called(profile: Profile, machine: str, call: str | int, *arguments: int, audit: int | None = None) -> str | int:
    """What a call is answered; arguments not given are zero."""
    architecture = ARCHITECTURES[machine]
    number = architecture.numbers[call] if isinstance(call, str) else call
    words = (*arguments, *[0] * (6 - len(arguments)))
    audit = architecture.audit if audit is None else audit
    return answer(program(profile, machine), struct.pack("=IIQ6Q", number, audit, 0, *words))


def expected(profile: Profile, machine: str) -> dict[int, str | int]:
    """The answers to calls whose arguments are zero, for the numbers that are not allowed."""
    denied = set(f"{DENIED} {DENIED_CONFINED if profile is Profile.CONFINED else ''}".split())
    denied -= ONLY_ON_X86 if machine == "aarch64" else set()
    numbers = ARCHITECTURES[machine].numbers
    newer: dict[int, str | int] = dict.fromkeys(range(470, 601), errno.ENOSYS)
    unspecified = {numbers[call]: errno.EAFNOSUPPORT for call in ("socket", "socketpair")}
    return {**newer, **unspecified, **{numbers[call]: errno.EPERM for call in denied}, 435: errno.ENOSYS}


@every_machine
@every_profile
def test_every_call_is_allowed_but_those_that_are_named(profile, machine):
    seen = {number: called(profile, machine, number) for number in range(601)}
    assert {number: word for number, word in seen.items() if word != ALLOW} == expected(profile, machine)


@every_machine
@every_profile
def test_a_call_of_another_architecture_ends_the_process(profile, machine):
    i386, arm, foreign = 0x40000003, 0x40000028, {"x86_64": 0xC00000B7, "aarch64": 0xC000003E}[machine]
    for audit in (i386, arm, foreign, 0):
        assert called(profile, machine, 1, audit=audit) == KILL


@every_machine
@every_profile
def test_a_number_with_the_bit_of_x32_ends_the_process(profile, machine):
    for number in (0, 112, 521):
        assert called(profile, machine, number | 0x40000000) == KILL
    assert called(profile, machine, 0xFFFFFFFF) == KILL


@every_machine
@every_profile
def test_processes_and_threads_are_made_but_no_namespaces(profile, machine):
    fork, thread = 0x01200011, 0x003D0F00
    for flags in (fork, thread, 0x4111, HIGH | fork):
        assert called(profile, machine, "clone", flags) == ALLOW
    for namespace in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert called(profile, machine, "clone", namespace | fork) == errno.EPERM
        assert called(profile, machine, "clone", HIGH | namespace | fork) == errno.EPERM


@every_machine
@every_profile
def test_nothing_is_typed_into_a_terminal(profile, machine):
    for command in (0x5412, 0x541C, HIGH | 0x5412, HIGH | 0x541C):
        assert called(profile, machine, "ioctl", 0, command) == errno.EPERM
    for command in (0x5401, 0x5411, 0x5413, 0x541B, 0x5421):
        assert called(profile, machine, "ioctl", 0x5412, command, 0x5412) == ALLOW


@every_machine
@every_profile
def test_limits_are_changed_only_for_the_caller_itself(profile, machine):
    assert called(profile, machine, "prlimit64", 0, 7) == ALLOW
    for pid in (1, 4242, 0xFFFFFFFF, HIGH | 1):
        assert called(profile, machine, "prlimit64", pid, 7) == errno.EPERM


@every_machine
@every_profile
def test_the_only_personality_is_the_usual_one(profile, machine):
    assert called(profile, machine, "personality", 0) == ALLOW
    for persona in (0x0040000, 0x0400000, 8, 0xFFFFFFFF):
        assert called(profile, machine, "personality", persona) == errno.EPERM


@every_machine
@pytest.mark.parametrize("call", ["socket", "socketpair"])
def test_isolated_code_has_the_usual_families_of_sockets(call, machine):
    families = {family for family in range(64) if called(Profile.ISOLATED, machine, call, family, 1) == ALLOW}
    assert families == {1, 2, 10, 16}
    for family in (17, 31, 38, 40, 0xFFFFFFFF, HIGH):
        assert called(Profile.ISOLATED, machine, call, family, 1) == errno.EAFNOSUPPORT


@every_machine
def test_confined_code_has_pairs_that_stay_pairs_and_no_other_socket(machine):
    stream, datagram, raw, sequence, close_on_exec, non_blocking = 1, 2, 3, 5, 0x80000, 0x800
    for family in range(64):
        assert called(Profile.CONFINED, machine, "socket", family, stream) == errno.EPERM
    for kind in (stream, sequence, stream | close_on_exec | non_blocking):
        assert called(Profile.CONFINED, machine, "socketpair", 1, kind) == ALLOW
        assert called(Profile.CONFINED, machine, "socketpair", 30, kind) == errno.EAFNOSUPPORT
    for kind in (0, datagram, raw, datagram | close_on_exec, raw | non_blocking):
        assert called(Profile.CONFINED, machine, "socketpair", 1, kind) == errno.EPERM


def test_a_filter_for_namespaces_is_the_usual_one_and_unknown_machines_have_none():
    assert program() == program(Profile.ISOLATED)
    for profile in Profile:
        assert program(profile, "vax") == b""


@every_machine
@every_profile
def test_a_filter_fits_into_the_smallest_pipe_and_is_built_once(profile, machine):
    assert len(program(profile, machine)) < 4096
    assert program(profile, machine) is program(profile, machine)
