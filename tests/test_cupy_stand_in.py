"""The stand-in for CuPy refuses what CuPy refuses and does what CuPy does.

Where there is CuPy 14 and a GPU, all but the last part is asked of CuPy itself, too.
"""

import copy
import importlib.util
import operator
import runpy

import cupy_stand_in
import numpy as np
import pytest

HOST = np.array([1.0, 2.0, 3.0])
NO_ARRAY = pytest.raises(TypeError, match="Implicit conversion to a NumPy array")
UNSUPPORTED = r"Unsupported type <class 'numpy.ndarray'>"
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARING = [operator.lt, operator.ge, operator.eq, operator.ne]
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv]


def usable_cupy():
    """CuPy 14 or newer if it is here with a GPU, else None."""
    if importlib.util.find_spec("cupy") is None:
        return None
    try:
        import cupy

        new = int(cupy.__version__.split(".")[0]) >= 14
        return cupy if new and cupy.cuda.runtime.getDeviceCount() else None
    except Exception:  # whatever CUDA says when there is no driver
        return None


REAL = usable_cupy()


@pytest.fixture
def stand_in(monkeypatch):
    return cupy_stand_in.install(monkeypatch)


@pytest.fixture(params=["stand-in", "cupy"] if REAL else ["stand-in"])
def cupy(request):
    return REAL if request.param == "cupy" else request.getfixturevalue("stand_in")


@pytest.fixture
def x(cupy):
    return cupy.array(HOST)


def same(found, expected):
    """found is an array on the device with these elements and this dtype."""
    assert not isinstance(found, np.ndarray | np.generic)
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found.get(), expected, rtol=1e-5, strict=True)


# What is refused


@pytest.mark.parametrize("f", ARITHMETIC)
@pytest.mark.parametrize("host", [HOST, np.array(2.0)])
def test_a_host_array_is_no_operand(x, f, host):
    with pytest.raises(TypeError, match=UNSUPPORTED):
        f(x, host)
    with pytest.raises(TypeError, match=UNSUPPORTED):
        f(host, x)


@pytest.mark.parametrize("f", COMPARING)
def test_a_host_array_is_compared_only_if_it_has_no_axes(x, f):
    with pytest.raises(TypeError, match=UNSUPPORTED):
        f(x, HOST)
    same(f(x, np.array(2.0)), f(HOST, 2.0))


@pytest.mark.parametrize("f", IN_PLACE)
def test_nothing_is_changed_in_place_across_the_border(x, f):
    host = HOST.copy()
    with pytest.raises(TypeError, match=UNSUPPORTED):
        f(x, HOST)
    with pytest.raises(TypeError, match=UNSUPPORTED):
        f(host, x)
    same(x, HOST)
    np.testing.assert_array_equal(host, HOST)


@pytest.mark.parametrize("strange", [[1.0, 2.0, 3.0], "text", None, object()])
def test_what_is_no_number_is_no_operand(x, strange):
    with pytest.raises(TypeError):
        x + strange
    with pytest.raises(TypeError):
        strange + x


@pytest.mark.parametrize("strange", [[1.0, 2.0, 3.0], "text", None])
def test_cupys_own_functions_take_arrays_and_numbers(cupy, x, strange):
    with pytest.raises(TypeError, match="Unsupported type <class"):
        cupy.maximum(x, strange)


def test_no_host_array_is_made_in_silence(cupy, x):
    for f in (np.array, np.asarray, np.ascontiguousarray, lambda x: np.array([x, x])):
        with NO_ARRAY:
            f(x)
    with NO_ARRAY:
        HOST[cupy.array([0, 1])]
    with NO_ARRAY:
        HOST.copy()[:] = x
    with NO_ARRAY:
        np.testing.assert_allclose(x, x)


def test_an_array_is_no_index_and_no_key(cupy):
    with pytest.raises(TypeError):
        [1, 2, 3][cupy.array(1)]
    with pytest.raises(TypeError):
        range(cupy.array(1))
    with pytest.raises(TypeError):
        {cupy.array(1): 1}
    assert not hasattr(cupy.ndarray, "__array_namespace__")
    assert not isinstance(cupy.array(1), np.ndarray)


@pytest.mark.parametrize("name", ["add", "maximum", "matmul"])
def test_functions_of_two_refuse_host_arrays(cupy, x, name):
    for module in (np, cupy):
        f = getattr(module, name)
        for args in ((x, HOST), (HOST, x)):
            with pytest.raises(TypeError):
                f(*args)
        with pytest.raises(TypeError):
            f(x, x, out=np.empty(3))


def test_functions_of_many_refuse_host_arrays(cupy, x):
    for f in (cupy.concatenate, cupy.stack, np.concatenate, np.stack):
        with pytest.raises(TypeError):
            f([x, HOST])
    with pytest.raises(TypeError):
        cupy.where(HOST > 1, x, x)
    with pytest.raises(TypeError):
        np.where(x > 1, HOST, x)
    with pytest.raises(TypeError):
        cupy.array([x, HOST])
    with pytest.raises(TypeError):
        cupy.array([x[0], 1.0])


def test_host_values_are_not_stored(x):
    with pytest.raises(ValueError, match="cannot be used for fill"):
        x[:2] = HOST[:2]
    with pytest.raises((TypeError, ValueError)):
        x[:2] = [1.0, 2.0]
    x[0] = np.array(5.0)
    x[1] = np.float64(6)
    same(x, np.array([5.0, 6.0, 3.0]))


def test_names_and_parameters_that_cupy_lacks(cupy, x):
    for name in ("scatter_add", "spacing", "errstate", "frompyfunc", "no_such_name"):
        assert not hasattr(cupy, name)
    assert not hasattr(cupy.matmul, "at")
    for call in (
        lambda: cupy.sum(x, where=x > 1),
        lambda: np.sum(x, initial=1.0),
        lambda: np.add(x, x, where=x > 1),
        lambda: np.clip(x, min=0),
        lambda: x.astype("f", device="cpu"),
        lambda: x.sum(None, None, None, False, 1.0),
        lambda: np.spacing(x),
        lambda: np.nanpercentile(x, 50),
        lambda: np.add.at(x, [0, 1], 1.0),
        lambda: np.add.at(x, slice(2), 1.0),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises((TypeError, ValueError), match="Unsupported dtype"):
        cupy.array(["text"])


# What works


@pytest.mark.parametrize("f", ARITHMETIC + COMPARING)
@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2), np.float32(2)])
def test_numbers_and_numpy_scalars_are_operands(x, f, number):
    same(f(x, number), f(HOST, number))
    same(f(number, x), f(number, HOST))
    same(f(x, x), f(HOST, HOST))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_the_dtype_of_a_result(cupy, dtype):
    host = np.array([0, 1, 1], dtype)
    x = cupy.array(host)
    zero_d, device_zero_d = np.array(2.0), cupy.array(2.0)
    for number in (2, 2.0, np.float32(2), np.float64(2), np.int64(2)):
        same(x * number, host * number)
        same(number * x, number * host)
    same(x * device_zero_d, host * zero_d)
    same(x.sum(), host.sum())
    same(x.mean(), host.mean())
    same(cupy.exp(x.astype("f")), np.exp(host.astype("f")))
    same(cupy.where(x > 0, x, 0.0), np.where(host > 0, host, 0.0))


def test_out_is_what_comes_back(cupy, x):
    for f in (cupy.add, np.add, cupy.multiply, np.multiply):
        out = cupy.empty(3)
        assert f(x, x, out=out) is out
    square, out = cupy.ones((2, 2)), cupy.empty((2, 2))
    for f in (cupy.matmul, np.matmul):
        f(square, square, out=out)
        same(out, np.full((2, 2), 2.0))
    before = x
    x += 1
    x *= x
    assert x is before
    same(x, (HOST + 1) ** 2)


FUNCTIONS = {
    "exp": lambda xp, a: xp.exp(a),
    "isfinite": lambda xp, a: xp.isfinite(a),
    "sum": lambda xp, a: xp.sum(a, axis=1, keepdims=True),
    "max": lambda xp, a: xp.max(a, axis=0),
    "mean": lambda xp, a: xp.mean(a, axis=(0, 1)),
    "reshape": lambda xp, a: xp.reshape(a, (3, 2)),
    "transpose": lambda xp, a: xp.transpose(a, (1, 0)),
    "broadcast_to": lambda xp, a: xp.broadcast_to(a, (2, 2, 3)),
    "concatenate": lambda xp, a: xp.concatenate([a, a], axis=1),
    "stack": lambda xp, a: xp.stack((a, a)),
    "pad": lambda xp, a: xp.pad(a, ((0, 1), (2, 0)), mode="constant"),
    "where": lambda xp, a: xp.where(a > 2, a, 0.0),
    "clip": lambda xp, a: xp.clip(a, 1.0, 3.0),
    "zeros_like": lambda xp, a: xp.zeros_like(a),
    "ones_like": lambda xp, a: xp.ones_like(a, dtype=np.float32),
    "nonzero": lambda xp, a: xp.nonzero(a)[1],
    "split": lambda xp, a: xp.split(a, 3, axis=1)[1],
    "matmul": lambda xp, a: xp.matmul(a, a.T),
    "dot": lambda xp, a: xp.dot(a[0], a[1]),
    "tensordot": lambda xp, a: xp.tensordot(a, a.T, axes=1),
    "take": lambda xp, a: xp.take(a, xp.argmax(a, axis=1), axis=1),
    "ascontiguousarray": lambda xp, a: xp.ascontiguousarray(a.T),
}
METHODS = {
    "sum": lambda a: a.sum(axis=0),
    "std": lambda a: a.std(),
    "reshape to a tuple": lambda a: a.reshape((-1,)),
    "transpose": lambda a: a.transpose(1, 0),
    "astype": lambda a: a.astype(np.float32, copy=False),
    "any": lambda a: (a > 2).any(axis=0),
    "clip": lambda a: a.clip(1.0, 2.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_arrays_through_both_modules(cupy, name):
    host = np.arange(6.0).reshape(2, 3)
    expected = FUNCTIONS[name](np, host)
    for module in (cupy, np) if name != "ascontiguousarray" else (cupy,):
        same(FUNCTIONS[name](module, cupy.array(host)), expected)


@pytest.mark.parametrize("name", METHODS)
def test_methods(cupy, name):
    host = np.arange(6.0).reshape(2, 3)
    same(METHODS[name](cupy.array(host)), METHODS[name](host))


def test_new_arrays(cupy, x):
    same(cupy.zeros((2, 3), dtype="f"), np.zeros((2, 3), "f"))
    same(cupy.full((2,), 3.0), np.full((2,), 3.0))
    same(cupy.arange(1, 4), np.arange(1, 4))
    same(np.arange(3, like=x), np.arange(3))
    same(np.array([1, 2], like=x), np.array([1, 2]))
    assert cupy.empty((2, 0), np.int32).shape == (2, 0)


def test_attributes(cupy):
    host = np.zeros((2, 3), "f")
    x = cupy.array(host)
    for name in ("shape", "ndim", "size", "dtype", "itemsize", "nbytes", "strides"):
        assert getattr(x, name) == getattr(host, name)
    assert len(x) == 2
    assert np.shape(x) == (2, 3) and np.ndim(x) == cupy.ndim(x) == 2
    assert cupy.result_type(x, np.float64) == np.float64


def test_views_of_strides(cupy):
    x = cupy.arange(5.0)
    windows = cupy.lib.stride_tricks.as_strided(x, (3, 3), (8, 8))
    same(windows, np.array([[0.0, 1, 2], [1, 2, 3], [2, 3, 4]]))
    x[2] = 7
    assert float(windows[1, 1]) == 7
    sliding = cupy.lib.stride_tricks.sliding_window_view
    same(sliding(x, 2)[0], np.arange(2.0))
    same(np.lib.stride_tricks.sliding_window_view(x, 2)[0], np.arange(2.0))
    with NO_ARRAY:
        np.lib.stride_tricks.as_strided(x, (3, 3), (8, 8))


INDICES = [
    1,
    -1,
    np.int64(1),
    slice(None, None, 2),
    ...,
    None,
    (0, 1),
    (slice(None), 0),
    (..., 0),
    [0, 1, 0],
    np.array([0, 1, 0]),
    np.array([True, False]),
    (np.array([0, 1]), np.array([2, 0])),
    ([0, 1], slice(1, None)),
    (slice(None), None, 1),
]


@pytest.mark.parametrize("i", INDICES, ids=repr)
def test_indices(cupy, i):
    host = np.arange(6.0).reshape(2, 3)
    x = cupy.array(host)
    same(x[i], np.asarray(host[i]))
    x[i] = 9.0
    host[i] = 9.0
    same(x, host)
    x[i] = x[i] + 1
    host[i] = host[i] + 1
    same(x, host)


def test_arrays_are_indices(cupy):
    host = np.arange(6.0).reshape(2, 3)
    x = cupy.array(host)
    same(x[cupy.array([1, 1])], host[[1, 1]])
    same(x[cupy.arange(2), cupy.array([2, 0])], host[[0, 1], [2, 0]])
    same(x[x > 2], host[host > 2])
    same(x[cupy.arange(2), [2, 0]], host[[0, 1], [2, 0]])
    x[x > 2] = 0.0
    same(x, np.where(host > 2, 0.0, host))
    with pytest.raises(IndexError):
        x[x]


def test_one_element_is_a_view(x):
    first = x[0]
    x[0] = 5.0
    assert first.shape == () and float(first) == 5.0
    for element, number in zip(x, [5.0, 2.0, 3.0]):
        same(element, np.array(number))
    with pytest.raises(TypeError):
        iter(first)
    with pytest.raises(TypeError):
        len(first)


def test_results_without_axes_are_arrays(cupy, x):
    for found in (x.sum(), cupy.max(x), np.mean(x), x[0], x[0] * 2, -x[0], x @ x):
        assert type(found) is cupy.ndarray and found.shape == ()
    for found in (x.argmax(), (x > 1).all(), np.any(x > 1), np.array_equal(x, x)):
        assert type(found) is cupy.ndarray and found.shape == ()


def test_numbers_from_arrays(cupy, x):
    assert float(x.sum()) == x.sum().item() == 6.0 and type(x.sum().item()) is float
    assert int(x.argmax()) == 2 and bool((x > 0).all()) is True
    assert type((x > 0).all().item()) is bool
    assert x.tolist() == [1.0, 2.0, 3.0] and (x > 1).tolist() == [False, True, True]
    assert f"{x.sum():.2f}" == "6.00" and str(x) == str(HOST) and repr(x) == repr(HOST)
    with pytest.raises(ValueError):
        bool(x)
    with pytest.raises(TypeError):
        float(x)


def test_add_at(cupy):
    for module, i in ((cupy, [0, 0, 2]), (np, np.array([0, 0, 2]))):
        x = cupy.zeros(3, "f")
        module.add.at(x, i, cupy.array([1.0, 2.0, 3.0]))
        same(x, np.array([3, 0, 3], "f"))
    x = cupy.zeros((2, 2))
    cupy.add.at(x, (cupy.array([0, 0]), cupy.array([1, 1])), 1.0)
    cupy.add.at(x, (slice(None), 0), 1.0)
    same(x, np.array([[1.0, 2.0], [1.0, 0.0]]))
    for name in ("exp", "multiply"):
        with pytest.raises(NotImplementedError):
            getattr(cupy, name).at(x, [0], 1.0)


def test_crossing_the_border(cupy, x):
    assert cupy.asarray(x) is x and cupy.asarray(x, np.float64) is x
    same(cupy.asarray(x, np.float32), HOST.astype(np.float32))
    same(cupy.array([x, x]), np.array([HOST, HOST]))
    same(cupy.array([HOST, HOST]), np.array([HOST, HOST]))
    same(cupy.asarray(2.0), np.array(2.0))
    host = HOST.copy()
    there = cupy.asarray(host)
    host[0] = 9.0
    back, again = cupy.asnumpy(there), there.get()
    back[1] = 9.0
    np.testing.assert_array_equal(again, HOST)
    assert cupy.asnumpy(host) is host
    other = copy.copy(there), copy.deepcopy(there)
    there[0] = 7.0
    same(other[0], HOST)
    same(other[1], HOST)


def test_the_module_of_an_array(cupy, x):
    assert cupy.get_array_module(x) is cupy
    assert cupy.get_array_module(HOST, x) is cupy
    assert cupy.get_array_module(HOST) is cupy.get_array_module(2.0) is np
    assert cupy.float32 is np.float32 and cupy.newaxis is None


def test_random_numbers_have_their_own_seed(cupy):
    def numbers():
        found = cupy.random.rand(2, 3), cupy.random.randn(5)
        mixed = [cupy.random.permutation(n) for n in (100, cupy.arange(100))]
        return [a.get() for a in (*found, *mixed)]

    state = np.random.get_state()[1].copy()
    cupy.random.seed(0)
    first, second = numbers(), numbers()
    cupy.random.seed(0)
    assert all(map(np.array_equal, first, numbers()))
    assert not np.array_equal(first[0], second[0])
    assert first[0].shape == (2, 3) and ((first[0] >= 0) & (first[0] < 1)).all()
    for mixed in first[2:]:
        assert sorted(mixed) == list(range(100)) != list(mixed)
    assert np.array_equal(state, np.random.get_state()[1])
    assert cupy.random.rand().shape == ()
    assert cupy.random.randn(2, dtype="f").dtype == np.float32
    with pytest.raises(TypeError):
        cupy.random.permutation(HOST)


def test_a_class_that_is_no_operand_of_ufuncs_answers_itself(x):
    class Box:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "radd"

    assert x + Box() == "radd"


@pytest.mark.filterwarnings("error")
def test_a_gpu_warns_of_nothing(cupy):
    zero = cupy.zeros(1)
    assert np.isnan((zero / zero).get()).all()
    assert (cupy.log(zero).get() == -np.inf).all()


# Of the stand-in alone


def test_the_stand_in_is_stricter(stand_in):
    x = stand_in.array(HOST)
    for call in (
        lambda: stand_in.sum(HOST),
        lambda: stand_in.reshape(HOST, (3, 1)),
        lambda: stand_in.zeros_like(HOST),
        lambda: stand_in.pad(HOST, 1),
        lambda: stand_in.sum([x[0], x[1]]),
        lambda: stand_in.add.at(stand_in.zeros(3, int), [0], 1),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError):
        x[[0, 1]] = HOST[:2]
    with pytest.raises(ValueError):
        stand_in.add.at(x, [0, 1], HOST[:2])
    with pytest.raises(IndexError):
        x[[0, 3]]
    with pytest.raises(ValueError):
        stand_in.broadcast_to(x, (2, 3))[0] = 0.0


def test_a_module_that_is_loaded_finds_it(stand_in, tmp_path):
    path = tmp_path / "user.py"
    path.write_text(
        "import importlib.util\n"
        "import cupy\n"
        "import cupy.cuda.runtime\n"
        "from cupy.lib.stride_tricks import as_strided\n"
        "found = importlib.util.find_spec('cupy')\n"
        "gpus = cupy.cuda.runtime.getDeviceCount()\n"
        "available = cupy.is_available() and cupy.cuda.is_available()\n"
    )
    user = runpy.run_path(str(path))
    assert user["cupy"] is stand_in and user["found"] is not None
    assert user["gpus"] == 1 and user["available"]


def test_cupy_without_a_gpu(monkeypatch):
    with monkeypatch.context() as inner:
        cupy = cupy_stand_in.install(inner, gpu=False)
        for f in (cupy.is_available, cupy.cuda.is_available, lambda: cupy.array(HOST)):
            with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="driver"):
                f()
        assert cupy.get_array_module(HOST) is np
        assert cupy.asnumpy(HOST) is HOST
    assert cupy_stand_in.install(monkeypatch).is_available()
