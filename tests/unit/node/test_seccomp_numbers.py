"""The filter's numbers against the headers of the kernel (Debian: linux-libc-dev)."""

import re
from pathlib import Path

import pytest

from idlegrid_node.sandbox.syscalls import ARCHITECTURES, NEWEST

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
every_machine = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def header(machine: str) -> dict[str, int]:
    """The numbers by name; `__NR3264_` is what a call is named that has another number on 32 bits."""
    for path in map(Path, HEADERS[machine]):
        if path.exists():
            found = re.findall(r"#define __NR(?:3264)?_(\w+)[ \t]+(\d+)\b", path.read_text())
            return {name: int(number) for name, number in found}
    pytest.skip(f"the kernel's headers for {machine} are not installed")


@every_machine
def test_every_number_is_the_kernels(machine):
    known = header(machine)
    newest = max(number for name, number in known.items() if name not in {"syscalls", "arch_specific_syscall"})
    for name, number in ARCHITECTURES[machine].numbers.items():
        if name in known:
            assert (name, known[name]) == (name, number)
        else:
            assert (name, number) == (name, max(number, newest + 1)), "not in the header, and not newer than it"


@every_machine
def test_what_is_said_to_be_absent_is_unknown_to_the_kernel(machine):
    assert not ARCHITECTURES[machine].absent & header(machine).keys()


@every_machine
def test_all_architectures_name_the_same_calls(machine):
    architecture = ARCHITECTURES[machine]
    everything = {name for each in ARCHITECTURES.values() for name in each.numbers}
    assert architecture.numbers.keys() | architecture.absent == everything
    assert not architecture.numbers.keys() & architecture.absent


@every_machine
def test_no_two_calls_share_a_number_and_none_is_newer_than_was_looked_at(machine):
    numbers = list(ARCHITECTURES[machine].numbers.values())
    assert len(numbers) == len(set(numbers))
    assert max(numbers) <= NEWEST
