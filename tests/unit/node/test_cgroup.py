"""Control groups on folders that imitate the kernel's: layouts that this machine does not have."""

import os
from pathlib import Path

import pytest

from idlegrid_node.sandbox.cgroup import find
from idlegrid_node.sandbox.group import GroupV1, GroupV2, write

V2_FILES = {
    "cgroup.procs": "",
    "cgroup.controllers": "memory pids cpu\n",
    "cgroup.subtree_control": "",
    "cgroup.events": "populated 0\nfrozen 0\n",
    "cgroup.freeze": "0\n",
    "cgroup.kill": "",
    "memory.max": "max\n",
    "memory.swap.max": "max\n",
    "memory.oom.group": "0\n",
    "memory.stat": "anon 0\nfile 0\nshmem 0\n",
    "memory.peak": "0\n",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
    "pids.max": "max\n",
    "pids.current": "0\n",
    "pids.events": "max 0\n",
    "cpu.max": "max 100000\n",
    "cpu.weight": "100\n",
    "cpu.stat": "usage_usec 0\nuser_usec 0\nsystem_usec 0\n",
}
V1_FILES = {
    "memory": {
        "cgroup.procs": "",
        "memory.limit_in_bytes": "9223372036854771712\n",
        "memory.memsw.limit_in_bytes": "9223372036854771712\n",
        "memory.max_usage_in_bytes": "0\n",
        "memory.stat": "cache 0\nrss 0\nshmem 0\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    },
    "pids": {"cgroup.procs": "", "pids.max": "max\n", "pids.current": "0\n", "pids.events": "max 0\n"},
    "cpu": {"cgroup.procs": "", "cpu.cfs_period_us": "", "cpu.cfs_quota_us": "", "cpu.shares": "1024\n"},
    "cpuacct": {"cgroup.procs": "", "cpuacct.usage": "0\n"},
}


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


class Imitation:
    """A machine's /proc and /sys/fs/cgroup. As in the kernel's, a new folder has its files and goes with them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proc, self.sys = root / "proc", root / "sys"
        self.refused = ""
        self._files: dict[Path, dict[str, str]] = {}
        self._mkdir, self._rmdir = os.mkdir, os.rmdir
        monkeypatch.setattr(os, "mkdir", self.mkdir)
        monkeypatch.setattr(os, "rmdir", self.rmdir)
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self/cgroup").write_text("")
        (self.proc / "self/mountinfo").write_text("24 1 0:22 / / rw - ext4 /dev/root rw\n")
        self.has_process(os.getpid(), started=100)

    def mkdir(self, path: str | Path, mode: int = 0o777, **named: int) -> None:
        if self.refused and self.refused in str(path):
            raise PermissionError(path)
        self._mkdir(path, mode, **named)
        for mount, files in self._files.items():
            if Path(path).is_relative_to(mount):
                fill(Path(path), files)

    def rmdir(self, path: str | Path, **named: int) -> None:
        for mount in self._files:
            if Path(path).is_relative_to(mount):
                for name in self._files[mount]:
                    (Path(path) / name).unlink(missing_ok=True)
        self._rmdir(path, **named)

    def has_process(self, pid: int, started: int) -> None:
        (self.proc / str(pid)).mkdir(exist_ok=True)
        words = ["S", *["0"] * 18, str(started), "0"]
        (self.proc / str(pid) / "stat").write_text(f"{pid} (a (strange) name) {' '.join(words)}\n")

    def mount(self, kind: str, options: str, folder: str, files: dict[str, str], root: str = "/") -> Path:
        self._files[self.sys / folder] = files
        (self.sys / folder).mkdir(parents=True, exist_ok=True)
        fill(self.sys / folder, files)
        with open(self.proc / "self/mountinfo", "a") as file:
            file.write(f"30 24 0:30 {root} {self.sys / folder} rw,relatime shared:9 - {kind} {kind} rw,{options}\n")
        return self.sys / folder

    def is_in(self, line: str) -> None:
        with open(self.proc / "self/cgroup", "a") as file:
            file.write(line + "\n")

    def find(self):
        return find(self.proc, self.sys)

    def folders(self) -> list[str]:
        return sorted(str(path.relative_to(self.sys)) for path in self.sys.rglob("*") if path.is_dir())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Imitation(tmp_path, monkeypatch)


@pytest.fixture
def delegated(machine):
    """A machine on v2 that handed the node's unit to the node."""
    machine.mount("cgroup2", "nsdelegate", "", V2_FILES)
    (machine.sys / "system.slice").mkdir()
    (machine.sys / "system.slice/grid.service").mkdir()
    machine.is_in("0::/system.slice/grid.service")
    machine.unit = machine.sys / "system.slice/grid.service"
    return machine


def legacy(machine: Imitation, *names: str) -> None:
    for number, name in enumerate(names):
        machine.mount("cgroup", name, name, V1_FILES[name])
        machine.is_in(f"{number + 2}:{name}:/")


def test_on_v2_the_node_goes_to_a_leaf_and_gives_the_controllers_to_the_groups(delegated):
    hierarchy = delegated.find()
    assert (hierarchy.version, hierarchy.shares_cpu) == ("cgroup v2", True)
    assert (delegated.unit / "node/cgroup.procs").read_text() == str(os.getpid())
    assert (delegated.unit / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert [path.name for path in delegated.unit.iterdir() if path.is_dir()] == ["node"]


def test_a_node_that_is_in_its_leaf_already_finds_the_same_subtree(delegated):
    delegated.find()
    (delegated.proc / "self/cgroup").write_text("0::/system.slice/grid.service/node\n")
    (delegated.unit / "cgroup.subtree_control").write_text("cpu memory pids\n")
    assert delegated.find().bases["memory"] == delegated.unit
    assert (delegated.unit / "cgroup.subtree_control").read_text() == "cpu memory pids\n"


def test_a_subtree_that_others_live_in_is_left_as_it_was(delegated):
    control = delegated.unit / "cgroup.subtree_control"
    control.unlink()
    control.mkdir()  # writing fails, as with EBUSY
    assert delegated.find() is None
    assert not (delegated.unit / "node").exists()


def test_a_subtree_whose_groups_cannot_be_made_is_left_as_it_was(delegated):
    delegated.refused = "idlegrid-"
    assert delegated.find() is None
    assert not (delegated.unit / "node").exists()
    assert (delegated.unit / "cgroup.subtree_control").read_text() == "-cpu -memory -pids"
    assert (delegated.unit / "cgroup.procs").read_text() == str(os.getpid())


def test_a_subtree_without_the_memory_controller_is_of_no_use(delegated):
    (delegated.unit / "cgroup.controllers").write_text("cpu pids\n")
    assert delegated.find() is None
    assert not (delegated.unit / "node").exists()


def test_a_subtree_without_the_cpu_controller_says_so(delegated):
    (delegated.unit / "cgroup.controllers").write_text("memory pids\n")
    hierarchy = delegated.find()
    assert not hierarchy.shares_cpu
    group = hierarchy.group("1")
    group.limit(64, 8, 0.5)
    assert (group.usage().cpu_seconds, group.usage().processes) == (0.0, 0)


def test_a_group_outside_of_what_is_mounted_is_not_looked_for(machine):
    machine.mount("cgroup2", "nsdelegate", "", V2_FILES, root="/docker/abc")
    machine.is_in("0::/docker/def")
    assert machine.find() is None


def test_a_container_that_sees_only_its_own_group_finds_it(machine):
    machine.mount("cgroup2", "nsdelegate", "", V2_FILES, root="/docker/abc")
    machine.is_in("0::/docker/abc")
    assert machine.find().bases["memory"] == machine.sys


def test_a_machine_without_control_groups_has_none(machine):
    machine.sys.mkdir()
    assert machine.find() is None


def test_on_v1_all_four_controllers_are_needed(machine):
    legacy(machine, "memory", "pids", "cpu")
    assert machine.find() is None
    legacy(machine, "cpuacct")
    assert machine.find().version == "cgroup v1"
    assert machine.folders() == ["cpu", "cpuacct", "memory", "pids"]


def test_on_v1_a_controller_that_takes_no_groups_leaves_nothing_in_the_others(machine):
    legacy(machine, "memory", "pids", "cpu", "cpuacct")
    machine.refused = "cpu/idlegrid-"
    assert machine.find() is None
    assert machine.folders() == ["cpu", "cpuacct", "memory", "pids"]


def test_beside_v1_a_v2_hierarchy_without_controllers_freezes(machine):
    legacy(machine, "memory", "pids", "cpu", "cpuacct")
    bare = {name: text for name, text in V2_FILES.items() if name.startswith("cgroup.")}
    machine.mount("cgroup2", "nsdelegate", "unified", {**bare, "cgroup.controllers": "hugetlb\n"})
    machine.is_in("0::/")
    group = machine.find().group("1")
    assert group.freeze()
    assert [path.name for path in (machine.sys / "unified").rglob("cgroup.freeze") if path.read_text() == "1"]


def test_limits_on_v2_are_written_as_the_kernel_wants_them_and_again(delegated):
    group = delegated.find().group("1")
    group.limit(64, 8, 0.5)
    group.limit(128, 16, 1.5)
    (folder,) = delegated.unit.glob("idlegrid-*-1")
    written = {name: (folder / name).read_text() for name in V2_FILES if name.startswith(("memory", "pids", "cpu"))}
    assert (written["memory.max"], written["memory.swap.max"], written["memory.oom.group"]) == ("134217728", "0", "1")
    assert (written["pids.max"], written["cpu.max"], written["cpu.weight"]) == ("16", "150000 100000", "1")


def test_a_share_too_small_for_the_kernel_becomes_the_smallest_it_takes(delegated):
    delegated.find().group("1").limit(64, 8, 0.001)
    (folder,) = delegated.unit.glob("idlegrid-*-1")
    assert (folder / "cpu.max").read_text() == "1000 100000"


def test_memory_now_is_what_cannot_be_dropped_and_the_peak_is_the_kernels(tmp_path):
    fill(tmp_path, V2_FILES)
    fill(tmp_path, {"memory.stat": f"anon {30 * 2**20}\nfile {900 * 2**20}\nkernel 7\nshmem {10 * 2**20}\n"})
    fill(tmp_path, {"memory.peak": f"{95 * 2**20}\n", "cpu.stat": "usage_usec 2500000\nnr_throttled 3\n"})
    fill(tmp_path, {"pids.current": "2\n"})
    group = GroupV2(dict.fromkeys(["", "memory", "pids", "cpu"], tmp_path))
    usage = group.usage()
    assert (usage.cpu_seconds, usage.memory_mb, usage.processes, group.peak_memory_mb) == (2.5, 40.0, 2, 95.0)


def test_neither_the_node_nor_what_has_no_pid_here_is_ever_taken_for_a_guest(tmp_path):
    fill(tmp_path, {"cgroup.procs": f"42\n41\n{os.getpid()}\n0\n"})
    assert GroupV2({"": tmp_path}).processes() == [41, 42]


def test_without_the_kernels_peak_the_highest_value_seen_is_told(tmp_path):
    fill(tmp_path, V2_FILES)
    (tmp_path / "memory.peak").unlink()
    group = GroupV2(dict.fromkeys(["", "memory", "pids"], tmp_path))
    for anonymous in (20, 50, 5):
        (tmp_path / "memory.stat").write_text(f"anon {anonymous * 2**20}\nshmem 0\n")
        usage = group.usage()
    assert (usage.memory_mb, group.peak_memory_mb) == (5.0, 50.0)


def test_what_the_kernel_counted_is_told(tmp_path):
    fill(tmp_path, V2_FILES)
    group = GroupV2(dict.fromkeys(["", "memory", "pids"], tmp_path))
    assert (group.out_of_memory, group.refused_forks, group.frozen) == (False, 0, False)
    fill(tmp_path, {"memory.events": "oom 2\noom_kill 1\n", "pids.events": "max 7\n", "cgroup.events": "frozen 1\n"})
    assert (group.out_of_memory, group.refused_forks, group.frozen) == (True, 7, True)


def test_v1_counts_are_told(tmp_path):
    folders = {name: tmp_path / name for name in V1_FILES}
    for name, files in V1_FILES.items():
        folders[name].mkdir()
        fill(folders[name], files)
    fill(folders["memory"], {"memory.stat": f"cache 999999999\nrss {2**20}\nshmem {2**20}\n"})
    fill(folders["memory"], {"memory.oom_control": "under_oom 0\noom_kill 1\n"})
    fill(folders["cpuacct"], {"cpuacct.usage": "1500000000\n"})
    group = GroupV1(folders)
    assert (group.usage().memory_mb, group.usage().cpu_seconds, group.out_of_memory) == (2.0, 1.5, True)
    assert (group.freeze(), group.frozen) == (False, False)


def test_a_group_that_cannot_be_removed_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("idlegrid_node.sandbox.group.REMOVE_SECONDS", 0.0)
    fill(tmp_path, V2_FILES)
    assert not GroupV2({"": tmp_path, "memory": tmp_path, "pids": tmp_path}).remove()


def test_only_groups_of_processes_that_are_gone_are_swept(delegated):
    hierarchy = delegated.find()
    hierarchy.group("mine")
    delegated.has_process(7001, started=500)
    for name in ("idlegrid-7001-500-live", "idlegrid-7001-499-pid-came-back", "idlegrid-7002-1-gone", "somebody-elses"):
        (delegated.unit / name).mkdir()
    assert hierarchy.sweep() == 2
    left = sorted(path.name for path in delegated.unit.iterdir() if path.is_dir())
    assert left == sorted([f"idlegrid-{os.getpid()}-100-mine", "idlegrid-7001-500-live", "node", "somebody-elses"])


def test_a_name_used_twice_is_an_error_and_harms_nobody(delegated):
    hierarchy = delegated.find()
    hierarchy.group("1")
    with pytest.raises(FileExistsError):
        hierarchy.group("1")
    assert len(list(delegated.unit.glob("idlegrid-*-1"))) == 1


@pytest.fixture
def written(monkeypatch):
    """What is written to the kernel's files, in order."""
    writes = []

    def note(path, value):
        writes.append((path.name, str(value)))
        write(path, value)

    monkeypatch.setattr("idlegrid_node.sandbox.group.write", note)
    return writes


def v2_group(folder):
    fill(folder, {**V2_FILES, "memory.current": f"{100 * 2**20}\n", "memory.swap.current": "4096\n"})
    fill(folder, {"memory.reclaim": "", "memory.swap.max": "0\n"})
    return GroupV2(dict.fromkeys(["", "memory", "pids", "cpu"], folder))


@pytest.mark.parametrize("swap_mb", [0.0, 49.0])
def test_without_free_swap_the_kernel_is_asked_for_what_is_not_the_programs_alone(
    tmp_path, monkeypatch, written, swap_mb
):
    monkeypatch.setattr("idlegrid_node.sandbox.group.swap_free_mb", lambda: swap_mb)
    assert v2_group(tmp_path).reclaim(50.0) == 0.0
    assert written == [("memory.reclaim", str(50 * 2**20))]


def test_free_swap_may_be_used_while_memory_is_taken_back_and_not_after(tmp_path, monkeypatch, written):
    monkeypatch.setattr("idlegrid_node.sandbox.group.swap_free_mb", lambda: 50.0)
    v2_group(tmp_path).reclaim(50.0)
    lifted = ("memory.swap.max", str(50 * 2**20 + 4096))
    assert written == [lifted, ("memory.reclaim", str(50 * 2**20)), ("memory.swap.max", "0")]


def test_a_kernel_that_cannot_be_asked_takes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("idlegrid_node.sandbox.group.swap_free_mb", lambda: 5000.0)
    group = v2_group(tmp_path)
    (tmp_path / "memory.reclaim").unlink()
    (tmp_path / "memory.swap.max").unlink()
    assert group.reclaim(50.0) == 0.0
    assert not (tmp_path / "memory.reclaim").exists()


def test_on_v1_memory_is_taken_back_and_the_swappiness_is_as_before(tmp_path, monkeypatch, written):
    monkeypatch.setattr("idlegrid_node.sandbox.group.swap_free_mb", lambda: 5000.0)
    files = {"memory.swappiness": "0\n", "memory.force_empty": "", "memory.usage_in_bytes": f"{2**20}\n"}
    fill(tmp_path, files)
    GroupV1({"memory": tmp_path}).reclaim(50.0)
    assert written == [("memory.swappiness", "100"), ("memory.force_empty", "0"), ("memory.swappiness", "0")]
