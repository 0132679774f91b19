"""Pools, queues, managers and shared memory between processes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory


def fill(name):
    memory = shared_memory.SharedMemory(name)
    memory.buf[:5] = b"hello"
    memory.close()


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    with multiprocessing.Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    with ProcessPoolExecutor(2) as executor:
        assert list(executor.map(abs, [-3])) == [3]
    with multiprocessing.Manager() as manager:
        shared = manager.dict(a=1)
        assert shared["a"] == 1
    queue = multiprocessing.Queue()
    queue.put("x")
    assert queue.get() == "x"
    memory = shared_memory.SharedMemory(create=True, size=100)
    process = multiprocessing.Process(target=fill, args=(memory.name,))
    process.start()
    process.join()
    assert bytes(memory.buf[:5]) == b"hello"
    memory.close()
    memory.unlink()
    print("ok")
