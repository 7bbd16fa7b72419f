"""Training in several processes, as examples/data_parallel.py does it with MPI."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import framework.functions as F
import framework.layers as L
from examples import common, data_parallel, processes
from framework.optimizers import Adam

pytest.importorskip("mpi4py", reason="several processes need mpi4py and mpich")
BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
if MPIEXEC is None:
    pytest.skip("several processes need mpiexec", allow_module_level=True)
SECONDS = 120  # a test that takes longer hangs

# Fifty updates by batches of 7, and of 1 for which some processes have no share.
FIFTY_UPDATES = """
import numpy as np
from examples.data_parallel import *

comm = communicator()
rng = np.random.default_rng(1)
x, t = rng.standard_normal((50, 1, 8, 8)).astype({dtype!r}), np.arange(50) % 10
np.random.seed(comm.rank)  # the weights are those of process 0
model = start(CNN(comm, dropout=0.0, dtype={dtype!r}), x, comm)
optimizer = Adam().setup(model)
optimizer.add_hook(SumGradients(comm, each={each}))
for i in range(50):
    batch = rng.permutation(50)[: 7 if i % 10 else 1]
    share = batch[comm.rank :: comm.size]
    train_step(model, optimizer, x[share], t[share], len(batch))
model.save_weights({folder!r} + f"/{{comm.size}}-{{comm.rank}}-{each}-{dtype}.npz")
"""


def command(n, *words):
    return [MPIEXEC, "-n", str(n), sys.executable, *words]


def mpi(n, *words):
    """What came of a program in n processes."""
    return subprocess.run(
        command(n, *words),
        cwd=common.ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def program(n, text):
    """What came of the text of a program in n processes."""
    return mpi(n, "-c", textwrap.dedent(text))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A function: the weights after fifty updates by n processes, as one has them."""
    return functools.partial(trained, tmp_path_factory.mktemp("weights"))


def trained(folder, n, rank=0, each=False, dtype="float64"):
    path = folder / f"{n}-{rank}-{each}-{dtype}.npz"
    if not path.exists():
        text = FIFTY_UPDATES.format(folder=str(folder), each=each, dtype=dtype)
        run = program(n, text)
        assert run.returncode == 0, run.stderr
    return dict(np.load(path))


def difference(a, b):
    """The largest difference of two sets of weights."""
    assert a.keys() == b.keys()
    return max(abs(a[name] - b[name]).max() for name in a)


def by_itself(folder):
    """The weights of the same updates without processes, by the framework alone."""
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((50, 1, 8, 8)), np.arange(50) % 10
    np.random.seed(0)
    model = data_parallel.CNN(processes.Alone(), dropout=0.0, dtype="float64")
    model.norm = L.BatchNorm(dtype="float64")
    data_parallel.start(model, x, processes.Alone())
    optimizer = Adam().setup(model)
    for i in range(50):
        batch = rng.permutation(50)[: 7 if i % 10 else 1]
        loss = F.softmax_cross_entropy(model(x[batch]), t[batch])
        model.cleargrads()
        loss.backward()
        optimizer.update()
    path = folder / "by itself.npz"
    model.save_weights(path)
    return dict(np.load(path))


def test_one_process_trains_as_the_framework_does(tmp_path, weights):
    assert difference(weights(1), by_itself(tmp_path)) < 1e-12


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("dtype, limit", [("float64", 1e-12), ("float32", 1e-4)])
def test_the_weights_are_those_of_one_process(weights, n, dtype, limit):
    one, several = (weights(k, dtype=dtype) for k in (1, n))
    assert one["conv1/W"].dtype == dtype
    assert difference(one, several) < limit


def test_all_processes_have_the_same_weights(weights):
    assert difference(weights(3), weights(3, rank=2)) == 0


def test_one_sum_for_each_parameter_gives_the_same(weights):
    together, each = (weights(2, each=each) for each in (False, True))
    assert difference(together, each) < 1e-12


def test_dropout_differs_between_processes_and_is_repeatable():
    text = """
        import sys
        import numpy as np
        from examples import data_parallel
        rand, drawn = np.random.rand, []
        np.random.rand = lambda *shape: drawn.append(rand(*shape)) or drawn[-1]
        data_parallel.main(["--epochs", "1", "--batch-size", "700"])
        sys.stderr.write(f"{drawn[0].sum()}\\n")
    """
    first, again = (program(2, text).stderr.split() for _ in range(2))
    assert len({*first}) == 2 and sorted(first) == sorted(again)


def test_only_process_0_prints_and_saves(tmp_path):
    text = f"""
        from examples import data_parallel
        rank = data_parallel.communicator().rank
        save = data_parallel.CNN.save_weights
        data_parallel.CNN.save_weights = lambda self, path: save(self, path + str(rank))
        data_parallel.main(["--epochs", "2", "--save", {str(tmp_path / "weights")!r}])
    """
    run = program(2, text)
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["epoch", "epoch", "fastest"]
    assert os.listdir(tmp_path) == ["weights0"], run.stderr


def test_an_error_in_one_process_ends_all_of_them():
    text = """
        from examples import data_parallel

        def wrong(*words):
            raise ValueError("there is no such digit")

        if data_parallel.communicator().rank == 1:
            data_parallel.train_step = wrong
        data_parallel.main(["--epochs", "1"])
    """
    run = program(2, text)
    assert run.returncode != 0
    assert "ValueError: there is no such digit" in run.stderr


def test_an_interrupt_ends_all_processes():
    words = command(2, "-m", "examples.data_parallel", "--epochs", "9999")
    group = {"cwd": common.ROOT, "start_new_session": True, "text": True}
    run = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **group
    )
    try:
        assert run.stdout.readline().startswith("epoch")
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
        run.communicate(timeout=SECONDS)
        assert run.returncode != 0 and not any_left(run.pid)
    finally:
        if any_left(run.pid):
            os.killpg(run.pid, signal.SIGKILL)


def any_left(group):
    """True if a process of this group is there, or is within three seconds."""
    for _ in range(30):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True
