"""Threads, and a pool of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

found = []
threads = [threading.Thread(target=found.append, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, range(-8, 0))) == list(range(8, 0, -1))
assert sorted(found) == list(range(8))
print("ok")
