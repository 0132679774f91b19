"""The filter in the kernel: loaded into a plain process, which then makes the calls or runs ordinary programs."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import textwrap

import pytest

from idlegrid_node.sandbox.seccomp import Profile, program
from idlegrid_node.sandbox.syscalls import ARCHITECTURES

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ARCHITECTURES, reason="there is no filter for this machine"
)
on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="other architectures have no second way in")
every_profile = pytest.mark.parametrize("profile", list(Profile))
PATIENCE_SECONDS = 120

LOAD_AND_EXEC = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = bytes.fromhex(sys.argv[1])
steps = ctypes.create_string_buffer(code, len(code))
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
fprog = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(steps))
assert libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(fprog), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.executable, [sys.executable, sys.argv[2]])
"""
MAKE_CALLS = """
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(*map(ctypes.c_long, words)) < 0 else 0
print(json.dumps([call(*words) for words in {calls}]))
"""
I386_GETPID = "b814000000cd80c3"  # mov eax, 20; int 0x80; ret
RUN_CODE = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex({code!r}))
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
DENIED = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsopen
init_module inotify_init1 io_setup io_uring_enter io_uring_setup ioprio_set kcmp kexec_load keyctl mbind memfd_create
memfd_secret mount mount_setattr move_mount mq_open name_to_handle_at open_by_handle_at open_tree perf_event_open
personality pidfd_getfd pivot_root prlimit64 process_madvise process_vm_readv process_vm_writev ptrace quotactl reboot
request_key sched_setaffinity sched_setattr sched_setparam sched_setscheduler setdomainname sethostname setns setsid
settimeofday shmget swapoff swapon syslog umount2 unshare userfaultfd vhangup
"""
DENIED_CONFINED = "bind connect mq_unlink msgctl msgget pidfd_open semctl semget semop setpgid setpriority shmat shmctl"
PROGRAMS = {
    "threads": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool: print(sum(pool.map(len, ["ab"] * 8)) == 16)""",
    "subprocess": """
        import subprocess, sys
        print(subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\\n")""",
    "shell": """
        import subprocess
        print(subprocess.check_output("(echo b; echo a) | sort | tr -d '\\n'; true &", shell=True) == b"ab")""",
    "fork pool": """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, [-1, 1]) == [1, 1])""",
    "spawn": """
        import multiprocessing
        def child(pipe): pipe.send(1)
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(target=child, args=(theirs,))
            process.start(); print(ours.recv() == 1); process.join()""",
    "shared memory": """
        from multiprocessing.shared_memory import SharedMemory
        memory = SharedMemory(create=True, size=4096)
        memory.buf[:2] = b"ab"; again = SharedMemory(memory.name); print(bytes(again.buf[:2]) == b"ab")
        again.close(); memory.close(); memory.unlink()""",
    "asyncio": """
        import asyncio
        async def main():
            process = await asyncio.create_subprocess_shell("cat", stdin=-1, stdout=-1)
            out, _ = await process.communicate(b"a")
            print(out == b"a" and await asyncio.to_thread(abs, -1) == 1)
        asyncio.run(main())""",
    "sqlite": """
        import os, sqlite3, tempfile
        with tempfile.TemporaryDirectory() as folder:
            base = sqlite3.connect(os.path.join(folder, "base"))
            base.execute("pragma journal_mode=wal"); base.execute("create table t (n)")
            with base: base.execute("insert into t values (1)")
            print(base.execute("select n from t").fetchall() == [(1,)]); base.close()""",
    "files": """
        import os, shutil, tempfile
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
            file.write(b"a"); os.mkdir(folder + "/a"); shutil.make_archive(folder + "/b", "zip", folder + "/a")
            print(sorted(os.listdir(folder)) == ["a", "b.zip"])""",
    "ssl": "import ssl; print(len(ssl.create_default_context().get_ciphers()) > 0)",
    "ctypes callbacks": """
        import ctypes
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int); print(kind(lambda n: n + 1)(1) == 2)""",
    "its own limits": """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        print(resource.getrlimit(resource.RLIMIT_NOFILE) == (64, 64))""",
    "numpy": "import numpy; print((numpy.ones((64, 64)) @ numpy.ones((64, 64))).sum() == 64**3)",
}
PROGRAMS_WITH_SOCKETS = {
    "forkserver": """
        import multiprocessing
        def child(queue): queue.put(1)
        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            queue = context.SimpleQueue()
            process = context.Process(target=child, args=(queue,))
            process.start(); print(queue.get() == 1); process.join()""",
    "manager": """
        import multiprocessing
        with multiprocessing.get_context("fork").Manager() as manager: print(manager.dict(a=1).copy() == {"a": 1})""",
    "local server": """
        import asyncio
        async def echo(reader, writer):
            writer.write(await reader.read(1)); writer.close()
        async def main():
            async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(b"a"); print(await reader.read() == b"a"); writer.close()
        asyncio.run(main())""",
    "a process group": """
        import subprocess, sys
        print(subprocess.call(["true"], process_group=0) == 0)""",
}


@pytest.fixture
def run(tmp_path):
    def run(profile: Profile, code: str) -> tuple[int, str, str]:
        """Run the code behind the filter; returns its status, output and errors once all it started has ended."""
        path = tmp_path / "code.py"
        path.write_text(textwrap.dedent(code))
        words = [sys.executable, "-c", LOAD_AND_EXEC, program(profile).hex(), str(path)]
        process = subprocess.Popen(words, stdout=-1, stderr=-1, text=True, cwd=tmp_path, start_new_session=True)
        try:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"did not end: {out}{err}")
        return process.returncode, out, err

    return run


@pytest.fixture
def errnos(run):
    def errnos(profile: Profile, *calls: tuple[str, *tuple[int, ...]]) -> list[int]:
        """Make the calls; returns the errno of each, 0 for one that succeeded."""
        numbers = ARCHITECTURES[platform.machine()].numbers
        words = [[numbers[name], *arguments] for name, *arguments in calls]
        status, out, err = run(profile, MAKE_CALLS.format(calls=words))
        assert (status, err) == (0, "")
        return json.loads(out)

    return errnos


@every_profile
def test_the_kernel_refuses_what_is_denied(errnos, profile):
    """Arguments of -1: if a call did get through, it would do nothing and fail with another errno than EPERM."""
    names = (DENIED + (DENIED_CONFINED if profile is Profile.CONFINED else "")).split()
    seen = dict(zip(names, errnos(profile, *[(name, *[-1] * 6) for name in names]), strict=True))
    assert seen == dict.fromkeys(names, errno.EPERM)


@every_profile
def test_the_kernel_looks_at_arguments(errnos, profile):
    namespace, fork, chosen = 0x10000000, 17, 1 << 35
    assert errnos(
        profile,
        ("clone3", -1, -1),
        ("clone", namespace | fork, 0, 0, 0, 0),
        ("ioctl", -1, 0x5412, 0),
        ("ioctl", -1, chosen | 0x541C, 0),
        ("ioctl", -1, 0x5413, 0),
        ("prlimit64", 1, 7, 0, 0),
        ("prlimit64", 0, 7, 0, 0),
        ("personality", 0),
        ("personality", 0x0040000),
    ) == [errno.ENOSYS, *[errno.EPERM] * 3, errno.EBADF, errno.EPERM, 0, 0, errno.EPERM]


def test_isolated_code_gets_usual_sockets_only(run):
    code = """
        import socket
        for family in (1, 2, 10, 16, 17, 31, 38, 40):
            try: socket.socket(family, socket.SOCK_DGRAM).close()
            except OSError as error: print(family, error.errno)
    """
    status, out, _ = run(Profile.ISOLATED, code)
    refused = set(out.splitlines())
    assert status == 0
    assert refused >= {f"{family} {errno.EAFNOSUPPORT}" for family in (17, 31, 38, 40)}
    assert not refused & {f"{family} {code}" for family in (1, 2, 16) for code in errno.errorcode}


def test_a_confined_pair_cannot_write_to_a_socket_with_a_path(run):
    code = """
        import socket
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM, socket.SOCK_RAW):
            try: [end.close() for end in socket.socketpair(socket.AF_UNIX, kind)]; print("made")
            except OSError as error: print(error.errno)
        try: socket.socket()
        except OSError as error: print(error.errno)
    """
    assert run(Profile.CONFINED, code)[:2] == (0, "made\nmade\n1\n1\n1\n")


@every_profile
def test_a_session_of_its_own_is_refused(run, profile):
    code = """
        import subprocess
        try: subprocess.run(["true"], start_new_session=True)
        except PermissionError: print("refused")
    """
    assert run(profile, code) == (0, "refused\n", "")


@on_x86
def test_a_call_by_its_x32_number_ends_the_process(run):
    assert run(Profile.ISOLATED, MAKE_CALLS.format(calls=[[0x40000000 | 39]]))[0] == -signal.SIGSYS


@on_x86
def test_a_32_bit_call_ends_the_process(run):
    status, out, _ = run(Profile.ISOLATED, RUN_CODE.format(code=I386_GETPID))
    assert status in {-signal.SIGSYS, -signal.SIGSEGV}, "a kernel without 32-bit calls answers with SIGSEGV"
    assert out == ""


@pytest.fixture
def works(run):
    def works(profile: Profile, name: str) -> None:
        """Check that the program of that name finds everything as it should be."""
        if name == "numpy":
            pytest.importorskip("numpy")
        status, out, err = run(profile, {**PROGRAMS, **PROGRAMS_WITH_SOCKETS}[name])
        assert (status, out) == (0, "True\n"), err

    return works


@pytest.mark.parametrize("name", [*PROGRAMS, *PROGRAMS_WITH_SOCKETS])
def test_ordinary_programs_work_when_isolated(works, name):
    works(Profile.ISOLATED, name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_ordinary_programs_without_sockets_work_when_confined(works, name):
    works(Profile.CONFINED, name)
