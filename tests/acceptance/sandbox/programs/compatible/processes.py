"""A process of each start method, and what it answers through a pipe."""

import multiprocessing


def answer(pipe, number):
    pipe.send(number * 2)


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        here, there = context.Pipe()
        process = context.Process(target=answer, args=(there, 21))
        process.start()
        assert here.recv() == 42, method
        process.join()
        assert process.exitcode == 0, method
    print("ok")
