"""A strict stand-in for the module `cupy`, for tests on machines without a GPU.

    cupy = cupy_stand_in.install(monkeypatch)

From then on `import cupy` gives this. Its arrays keep their elements in host arrays
(NumPy's) that nobody else sees. What CuPy refuses is refused: a host array as an
operand, np.asarray(x), x as an index into a host array. What CuPy allows is allowed:
numbers, NumPy scalars, host arrays as indices, np.exp(x), np.sum(x). A result is
never a scalar, x[0] a view. A name that is not listed here is an AttributeError, a
parameter that CuPy does not have is a TypeError. It follows CuPy 13.6 and 14.2, for
the dtypes of results 14.2 (in 13.6 a float32 array times np.float64(2) is float32).

Stricter than CuPy: a host array is taken by array(), asarray() and asnumpy(), as an
index, and, if it has no axes, in a comparison and by x[i] = value. CuPy takes it also
where it only calls a method of it, as in cupy.sum(x), and as value of x[indices]. An
index out of range is an error; CuPy wraps it around. broadcast_to() gives what cannot
be written to. Of the methods of ufuncs there is at(), not for int64. Not imitated:
the last bits of results, the order of writing in x[[0, 0]] = values, the messages of
most errors, streams, memory, several GPUs.
"""

import functools
import importlib.machinery
import importlib.util
import sys

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

UFUNCS = """
    absolute add subtract multiply divide true_divide floor_divide remainder power
    negative positive sign square sqrt reciprocal exp expm1 log log1p log2 log10
    logaddexp sin cos tan sinh cosh tanh arcsin arccos arctan arctan2 maximum minimum
    floor ceil rint equal not_equal less less_equal greater greater_equal
    logical_and logical_or logical_not logical_xor invert bitwise_and bitwise_or
    bitwise_xor isfinite isinf isnan
"""
COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}

# A line: CuPy's parameters, a colon, the functions that have them. Those with a dot
# are methods, too.
OF_ANYTHING = """
    start stop step dtype: arange
    start stop num endpoint retstep dtype axis: linspace
    shape dtype order: empty ones zeros
    shape fill_value dtype order: full
    N M k dtype order: eye
    *arrays_and_dtypes: result_type
    a: ndim
"""
OF_SEQUENCES = """
    tup axis out dtype casting: concatenate stack
    tup dtype casting: hstack vstack
"""
OF_ARRAYS = """
    a: .nonzero shape size
    a axis: .argsort .squeeze expand_dims flip sort
    a axis out keepdims: .all .any .argmax .argmin .max .min amax amin
    a axis dtype out keepdims: .mean .prod .sum
    a axis dtype out ddof keepdims: .std .var
    a axis dtype out: .cumprod .cumsum
    a order: .copy .ravel
    a axis1 axis2: .swapaxes
    a indices axis out: .take
    a repeats axis: .repeat
    a b out: .dot outer
    a b axes: tensordot
    x1 x2 out: matmul
    a dtype: ascontiguousarray
    a dtype order shape: ones_like zeros_like
    prototype dtype order shape: empty_like
    a fill_value dtype order shape: full_like
    a newshape order: reshape
    a axes: transpose
    a source destination: moveaxis
    array shape: broadcast_to
    array pad_width mode constant_values: pad
    ary indices_or_sections axis: split
    a indices axis: take_along_axis
    a a_min a_max out: clip
    condition x y: where
    a b rtol atol equal_nan: allclose isclose
    a1 a2 equal_nan: array_equal
    x shape strides: lib.stride_tricks.as_strided
    x window_shape axis: lib.stride_tricks.sliding_window_view
"""
METHODS = """
    a dtype order copy: astype
    a value: fill
    a order: flatten
    a *shape order: reshape
    a *axes: transpose
    a min max out: clip
    a decimals out: round
"""
ATTRIBUTES = "T base dtype itemsize nbytes ndim shape size strides"
BORROWED = """
    bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64
    complex64 complex128 generic number integer floating dtype finfo iinfo issubdtype
    e inf nan newaxis pi
"""
NEED_A_GPU = """
    arange array asarray empty eye full linspace ones zeros random.rand random.randn
    is_available cuda.is_available cuda.runtime.getDeviceCount
"""
DTYPES = [np.dtype(char) for char in "?bhilqBHILQefdFD"]
SCATTERED = [np.dtype(char) for char in "iIQfd"]
SCALARS = {bool, int, float, complex} | {dtype.type for dtype in DTYPES}


def operand(x):
    """x if it is a stand-in, else CuPy's error."""
    if not isinstance(x, ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    return x


def operands(xs):
    """Check the arrays that are to be joined."""
    for x in xs:
        operand(x)


def key(x):
    """An index, with host arrays for the stand-ins in it."""
    if isinstance(x, tuple | list):
        return type(x)(map(key, x))
    return x._host if isinstance(x, ndarray) else x


def unwrapped(x):
    """An argument, with host arrays for the stand-ins in it; no others may be in it."""
    if isinstance(x, tuple | list):
        return type(x)(map(unwrapped, x))
    return key(operand(x) if isinstance(x, np.ndarray) else x)


def storable(x):
    """What x[i] = value takes: a stand-in, a number, a host array without axes."""
    if isinstance(x, np.ndarray) and x.ndim:
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
    return x if type(x) in SCALARS | {np.ndarray} else operand(x)._host


def wrapped(result, given=()):
    """Stand-ins for the arrays in a result; one that was given stays itself."""
    if isinstance(result, tuple | list):
        return type(result)(wrapped(x, given) for x in result)
    if not isinstance(result, np.ndarray | np.generic | bool):
        return result
    for x in given:
        if isinstance(x, ndarray) and x._host is result:
            return x
    array = object.__new__(ndarray)
    array._host = np.asarray(result)
    if array._host.dtype not in DTYPES:
        raise ValueError(f"Unsupported dtype {array._host.dtype}")
    return array


def call(f, args, kwargs):
    """NumPy's f of the host arrays in stand-ins. A GPU warns of nothing."""
    inside = {name: unwrapped(x) for name, x in kwargs.items()}
    with np.errstate(all="ignore"):
        return wrapped(f(*unwrapped(args), **inside), [*args, *kwargs.values()])


def function(f, parameters, check=None):
    """NumPy's f with CuPy's parameters; check gets the first argument."""
    name, starred = f.__name__, any(p.startswith("*") for p in parameters)

    def called(*args, **kwargs):
        if len(args) > len(parameters) and not starred:
            raise TypeError(f"{name}() takes {len(parameters)} arguments")
        if strange := kwargs.keys() - parameters:
            raise TypeError(f"{name}() got unexpected keyword arguments {strange}")
        if check:
            check(args[0] if args else kwargs[parameters[0]])
        return call(f, args, kwargs)

    return called


class ufunc:
    """A function of single elements; it takes stand-ins and numbers."""

    def __init__(self, name):
        self.name, self.f = name, getattr(np, name)

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        operands(x for x in args if type(x) not in SCALARS)
        return call(self.f, args, {"out": out, "dtype": dtype, "casting": casting})

    def at(self, a, indices, b=None):
        if self.name not in ("add", "maximum", "minimum"):
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if operand(a).dtype not in SCATTERED:
            raise TypeError(f"cupy.{self.name}.at does not support {a.dtype}")
        self.f.at(a._host, key(indices), storable(b))


class ndarray(NDArrayOperatorsMixin):
    """An array that keeps its elements to itself."""

    __module__ = "cupy"

    def __init__(self, shape, dtype=float):
        self._host = np.empty(shape, dtype)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        f = OFFERED.get(ufunc.__name__)
        f = f if method == "__call__" else getattr(f, method, None)
        given = {type(x) for x in (*inputs, *kwargs.get("out", ()))}
        if f is None or given - SCALARS - {ndarray, np.ndarray}:
            return NotImplemented
        if "out" in kwargs:
            (kwargs["out"],) = kwargs["out"]
        if ufunc.__name__ in COMPARISONS:
            inputs = [x[()] if isinstance(x, np.ndarray) else x for x in inputs]
        return f(*inputs, **kwargs)

    def __array_function__(self, func, types, args, kwargs):
        path = [*func.__module__.split(".")[1:], func.__name__]
        f = OFFERED.get(".".join(path))
        return f(*args, **kwargs) if f else NotImplemented

    def __getitem__(self, i):
        i = key(i if isinstance(i, tuple) else (i,))
        rest = () if any(part is ... for part in i) else (...,)
        return wrapped(self._host[i + rest])  # with ... it is an array, never a scalar

    def __setitem__(self, i, value):
        self._host[key(i)] = storable(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __copy__(self):
        return self.copy()

    def get(self):
        return self._host.copy()


def hosts(obj):
    """The host array of a stand-in, or of each in lists of nothing but stand-ins."""
    if isinstance(obj, list | tuple):
        return list(map(hosts, obj))
    return operand(obj)._host


def array(obj, dtype=None):
    """A new stand-in of a number, a host array, a stand-in, or lists of one of them."""
    try:
        return wrapped(np.array(obj, dtype))
    except TypeError:  # there is a stand-in in it
        return wrapped(np.array(hosts(obj), dtype))


def asarray(a, dtype=None):
    """array(a), but a stand-in of this dtype stays itself."""
    return a if isinstance(a, ndarray) and dtype in (None, a.dtype) else array(a, dtype)


def asnumpy(a):
    """A host array with what is in a."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def get_array_module(*args):
    """The stand-in's module if one of args is a stand-in, else NumPy."""
    return MODULES["cupy"] if any(isinstance(a, ndarray) for a in args) else np


STATE = np.random.RandomState()


def permutation(a):
    """The whole numbers below a, or what is in the stand-in a, in a random order."""
    numbers = array(STATE.permutation(a if isinstance(a, int) else len(a)))
    return numbers if isinstance(a, int) else a[numbers]


def drawn(f):
    """CuPy's function for a function of random numbers in NumPy."""
    return lambda *size, dtype=float: array(f(*size), dtype)


class CUDARuntimeError(RuntimeError):
    """What CUDA's functions raise."""


def no_gpu(*args, **kwargs):
    """What CuPy 13.6 does on a machine without a driver, even in is_available()."""
    raise CUDARuntimeError(
        "cudaErrorInsufficientDriver: "
        "CUDA driver version is insufficient for CUDA runtime version"
    )


def rows(table):
    """(name, parameters) of all functions in a table."""
    for line in table.split("\n")[1:-1]:
        parameters, names = line.split(":")
        for name in names.split():
            yield name, parameters.split()


def offered():
    """All that is in the module, by its path: "sum", "random.rand"."""
    found = {name: getattr(np, name) for name in BORROWED.split()}
    found |= {name: ufunc(name) for name in UFUNCS.split()} | {"abs": ufunc("absolute")}
    checks = {OF_ANYTHING: None, OF_SEQUENCES: operands, OF_ARRAYS: operand}
    for table, check in checks.items():
        for path, parameters in rows(table):
            f = functools.reduce(getattr, path.strip(".").split("."), np)
            found[path.strip(".")] = function(f, parameters, check)
    for x in (ndarray, array, asarray, asnumpy, get_array_module):
        found[x.__name__] = x
    found |= {"random.rand": drawn(STATE.rand), "random.randn": drawn(STATE.randn)}
    found |= {"random.permutation": permutation, "random.seed": STATE.seed}
    found |= {"is_available": lambda: True, "cuda.is_available": lambda: True}
    found["cuda.runtime.getDeviceCount"] = lambda: 1
    found["cuda.runtime.CUDARuntimeError"] = CUDARuntimeError
    return found


def modules():
    """The module and those in it, by their names."""
    inner = ("", ".cuda", ".cuda.runtime", ".lib", ".lib.stride_tricks", ".random")
    specs = [importlib.machinery.ModuleSpec(f"cupy{name}", None) for name in inner]
    found = {spec.name: importlib.util.module_from_spec(spec) for spec in specs}
    things = {f"cupy.{path}": x for path, x in OFFERED.items()} | found
    for path, x in things.items():
        owner, _, name = path.rpartition(".")
        if owner:
            setattr(found[owner], name, x)
    return found


def own(name):
    """What the host array has by this name, as a property or method of a stand-in."""
    if name in ATTRIBUTES.split():
        return property(lambda self: wrapped(getattr(self._host, name)))
    return lambda self, *args: getattr(self._host, name)(*args)


for name in f"{ATTRIBUTES} item tolist".split():
    setattr(ndarray, name, own(name))
for name in "len bool int float complex repr str format".split():
    setattr(ndarray, f"__{name}__", own(f"__{name}__"))
for path, parameters in [*rows(OF_ARRAYS), *rows(METHODS.replace(": ", ": ."))]:
    if path.startswith("."):
        f = getattr(np.ndarray, path[1:])
        setattr(ndarray, path[1:], function(f, parameters))

OFFERED = offered()
MODULES = modules()


def install(monkeypatch, gpu=True):
    """From here on `import cupy` gives the stand-in, or one that finds no GPU."""
    for name, module in MODULES.items():
        monkeypatch.setitem(sys.modules, name, module)
    for path in () if gpu else NEED_A_GPU.split():
        owner, _, name = f"cupy.{path}".rpartition(".")
        monkeypatch.setattr(MODULES[owner], name, no_gpu)
    return MODULES["cupy"]
