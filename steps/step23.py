"""Step 23 · A package

Problem
A program that wants our Variable has to import step22, or to copy its
500 lines. A framework is a package instead: a folder of modules, with
a subject each. But you want to read one file, from top to bottom.

Idea
Have both. Lines like this one open a section of the file:

    # === core: variables, functions and the backward walk ===
    # === functions: functions of the elements of an array ===
    # === checks: gradients against numerical slopes ===

Cut at these lines, each section is a module: core.py, functions.py,
checks.py. What it needs of the others, it has to import. If it needs
names of earlier sections only, the imports run one way:

    core  <--  functions
      ^
      +------  checks

Two modules that import each other are an import cycle: one is only
half done when the other asks it for a name.

In the code
The three lines above are all that is new. They stand where the subject
changes: above ThreadConfig, above Square and above numerical_diff.
The operators are part of core, and attached to Variable below it, so
that the class uses none of their names.
The demo cuts this very file, and forgets the package at the end.
cut(source) gives the text above the sections, and {name: code of each}.
modules(source) gives {name: text of the module}, with "__init__" last,
which imports every name. ast.parse turns code into a tree; the names in
it tell which imports a module needs: "import weakref" of the text above, or
"from .core import Function". A name of a later section is an
ImportError. imported(texts, name) is for a with block: it writes the
texts to a temporary folder, imports the package, and takes it out of
sys.path and sys.modules at the end. gradient(package) is x.grad of
x ** 2 * exp(-x) at 0.5.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
JAX and Chainer attach the operators from outside, too, for the same
reason: see install_variable_arithmetics() in Chainer's basic_math.py.
In torch/_tensor.py some imports stand inside the methods instead.

Watch out
The package has its own class Variable. A variable of the file is none
for it: isinstance says no, although the code is the same.

Try
1. Move the line "# === checks" up, above Exp. Which imports change?
2. Let Variable.__repr__ call exp. What does the demo say?

Output
    core.py
    functions.py
        from .core import Function
    checks.py
        from .core import Variable, as_array
    x.grad in the file    = 0.454898
    x.grad in the package = 0.454898
    the same              = True
    from the end: checks needs Variable, as_array of core, a later section.
"""

import ast
import contextlib
import copy
import importlib
import pathlib
import re
import sys
import tempfile
import threading
import weakref

import numpy as np

# === core: variables, functions and the backward walk ===


class ThreadConfig(threading.local):
    """Settings that each thread has for itself."""

    enable_backprop = True


Config = ThreadConfig()


@contextlib.contextmanager
def using_config(name, value):
    """Within the with block Config.name is value; afterwards it is what it was."""
    old = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old)


def no_grad():
    """Within the with block nothing is recorded, so nothing can be differentiated."""
    return using_config("enable_backprop", False)


NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array.

    NUMBERS are the types of a number. Anything else is a TypeError that shows it.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    __array_ufunc__ = None  # array + variable is left to Variable.__radd__
    __slots__ = (
        "data",
        "name",
        "grad",
        "creator",
        "generation",
        "requires_grad",
        "__weakref__",
    )

    def __init__(self, data, name=None):
        """data is an array or None; a TypeError shows anything else, and what to do."""
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0
        self.requires_grad = True

    @property
    def shape(self):
        """The length of each axis, as a tuple."""
        return self.data.shape

    @property
    def ndim(self):
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self):
        """The number of elements."""
        return self.data.size

    @property
    def dtype(self):
        """The type of the elements."""
        return self.data.dtype

    def item(self):
        """The number in an array of one element, as Python's."""
        return self.data.item()

    def __len__(self):
        """The length of the first axis; a TypeError if there is none."""
        return len(self.data)

    def __repr__(self):
        """What str() makes of the array, in "variable(...)", the rows in line."""
        indent = "\n" + " " * len("variable(")
        return "variable(" + str(self.data).replace("\n", indent) + ")"

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __format__(self, spec):
        """The number in this format; without a format, what print writes."""
        return format(self.item(), spec) if spec else str(self)

    def __array__(self, dtype=None, copy=None):
        """The array, for np.asarray: a copy only where one is needed or asked for."""
        return np.array(self.data, dtype, copy=copy)

    def __getstate__(self):
        """What copy and pickle take along: what Python's own __getstate__ gives.

        For a variable with a history it is a TypeError that says so.
        """
        if self.creator is not None:
            raise TypeError(
                "A variable that a function has made cannot be copied or pickled, "
                "since it has a history: copy Variable(x.data)."
            )
        return super().__getstate__()

    def set_creator(self, func):
        """Remember the function that made this variable, one generation before."""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self, *, retain_grad=False):
        """Add to the gradient of each variable at the ends of the graph what is due.

        The variables in between get theirs only with retain_grad.
        """
        gy = self.grad
        if gy is None:
            gy = np.ones_like(self.data, np.result_type(self.dtype, 0.0))
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        grads, taken = {self: fit_gradient(gy, self)}, {id(gy)}
        self.grad = None
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads(grads, retain_grad)
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    if gx is not None and x.requires_grad:
                        gx = fit_gradient(gx, x)
                        grads[x] = grads[x] + gx if x in grads else gx
                        put(x.creator)
        for x, gx in grads.items():  # what is left are the ends of the graph
            x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if taken has its id.
        """
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


def fit_gradient(gx, x):
    """gx as the gradient of x: in its shape, and in its dtype if that is a float's."""
    gx = gx if isinstance(gx, np.generic) else as_array(gx)
    if gx.shape != x.data.shape:
        raise ValueError(
            f"A gradient of shape {gx.shape} came back "
            f"for a variable of shape {x.data.shape}; the two must be equal."
        )
    if gx.dtype == x.data.dtype and gx.dtype.kind == "f":
        return gx
    return gx.astype(np.result_type(x.data.dtype, 0.0))


def as_variable(x):
    """x itself if it is a Variable; else a constant that holds it.

    A constant is a Variable that gets no gradient.
    """
    if isinstance(x, Variable):
        return x
    constant = Variable(as_array(x))
    constant.requires_grad = False
    return constant


def as_variables(xs):
    """Each of xs as a Variable; a number takes the dtype of a float Variable there."""
    dtype = None
    for x in xs:
        if isinstance(x, Variable) and x.data.dtype.kind == "f":
            dtype = x.data.dtype
    return [
        as_variable(np.array(x, dtype) if isinstance(x, NUMBERS) else x) for x in xs
    ]


CONSTANT = -1  # the generation of a function none of whose inputs needs a gradient


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both. Called again, it leaves that to a
        copy of itself, which is then the creator.

        forward() gets a number for an array of no axes. Its ValueError gets a name
        and shapes in front: "Mul cannot take shapes (2, 3) and (4,): ...".
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], CONSTANT
        for x in inputs:
            if not isinstance(x, Variable):
                return self(*as_variables(inputs))  # wrap the constants first
            # NumPy is ten times as fast with a number as with an array of no axes
            xs.append(x.data if x.data.ndim else x.data[()])
            if x.requires_grad and x.generation > generation:
                generation = x.generation
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.saved_inputs = xs
        try:
            ys = self.forward(*xs)
        except ValueError as error:
            shapes = " and ".join(str(x.shape) for x in xs)
            name = type(self).__name__
            raise ValueError(f"{name} cannot take shapes {shapes}: {error}") from error
        if isinstance(ys, tuple):
            self.saved_outputs = ys
            return [self.make_output(y) for y in ys]
        self.saved_outputs = (ys,)
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable made by this function, the last of its outputs.

        There they are weak references. None is a TypeError that names the class:
        its forward() lacks a return.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop and self.generation != CONSTANT:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        else:
            output.requires_grad = False
        return output

    def needs(self, i):
        """True if input number i needs a gradient; a constant does not."""
        return self.inputs[i].requires_grad

    def output_grads(self, grads, retain_grad):
        """The gradients of the outputs, taken out of grads; zeros for unused ones."""
        gys = []
        for output, saved in zip(self.outputs, self.saved_outputs):
            y = output()
            if y is None or y.creator is not self or y not in grads:
                gys.append(np.zeros_like(saved))
                continue
            gys.append(grads.pop(y))
            if retain_grad:
                y.add_grad(gys[-1], {id(gys[-1])})
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input."""
        gxs = self.backward(*gys)
        if gxs is None:
            raise TypeError(
                f"{type(self).__name__}.backward gave None, not a gradient."
            )
        if not isinstance(gxs, tuple):
            gxs = (gxs,)
        if len(gxs) != len(self.inputs):
            raise ValueError(
                f"{type(self).__name__}.backward gave {len(gxs)} gradients "
                f"for {len(self.inputs)} inputs; it must give one for each."
            )
        return gxs

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


Variable.__add__ = add
Variable.__radd__ = add


class Mul(Function):
    """x0 * x1."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gy * x1 if self.needs(0) else None
        gx1 = gy * x0 if self.needs(1) else None
        return gx0, gx1


def mul(x0, x1):
    """x0 * x1, element by element."""
    return Mul()(x0, x1)


Variable.__mul__ = mul
Variable.__rmul__ = mul


class Neg(Function):
    """-x."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """-x, element by element."""
    return Neg()(x)


Variable.__neg__ = neg


class Sub(Function):
    """x0 - x1."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        return gy, -gy


def sub(x0, x1):
    """x0 - x1, element by element."""
    return Sub()(x0, x1)


def rsub(x0, x1):
    """x1 - x0: Python swaps the operands of a reflected operator."""
    return sub(x1, x0)


Variable.__sub__ = sub
Variable.__rsub__ = rsub


class Div(Function):
    """x0 / x1."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gy / x1
        gx1 = -gx0 * x0 / x1 if self.needs(1) else None
        return gx0, gx1


def div(x0, x1):
    """x0 / x1, element by element."""
    return Div()(x0, x1)


def rdiv(x0, x1):
    """x1 / x0: Python swaps the operands of a reflected operator."""
    return div(x1, x0)


Variable.__truediv__ = div
Variable.__rtruediv__ = rdiv


class Pow(Function):
    """x ** c for a number c."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x**self.c

    def backward(self, gy):
        (x,), c = self.saved_inputs, self.c
        if c == 0:
            return gy * 0.0  # not gy * 0 * x ** -1, which has no value at 0
        if c == 2:
            return gy * (2 * x)  # a product takes less time than a power
        return gy * (c * x ** (c - 1))


class ConstantPow(Function):
    """c ** x for a number c."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return self.c**x

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * np.log(self.c) * y


def python_number(c):
    """A number as Python's own, which leaves the dtype of the arrays it meets."""
    if not isinstance(c, NUMBERS):
        raise TypeError(f"A power takes a variable and a number, but got {c!r}.")
    return c.item() if isinstance(c, np.generic) else c


def pow(x, c):
    """x ** c, element by element, for a number c."""
    return Pow(python_number(c))(x)


def rpow(x, c):
    """c ** x, element by element, for a number c."""
    return ConstantPow(python_number(c))(x)


Variable.__pow__ = pow
Variable.__rpow__ = rpow


# === functions: functions of the elements of an array ===


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * (2 * x)


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * y


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


# === checks: gradients against numerical slopes ===


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def moved(xs, us, eps):
    """Each of xs, moved by eps along its direction in us."""
    return [Variable(as_array(x.data + eps * u)) for x, u in zip(xs, us)]


def inner(us, vs):
    """The inner product of two lists of arrays."""
    total = 0.0
    for u, v in zip(us, vs):
        total += np.sum(u * v)
    return total


def gradient_check(f, *xs, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with a numerical slope at xs, Variables.

    xs move along random directions us and y is weighted with a random v, so
    that one number stands for every element; an AssertionError says how far
    the two are apart if that is more than the tolerance, relative to the slope.
    """
    rng = np.random.default_rng(0)
    us = [rng.standard_normal(x.data.shape) for x in xs]
    y0, y1 = f(*moved(xs, us, -eps)), f(*moved(xs, us, eps))
    v = as_array(rng.standard_normal(y0.data.shape))
    xs = [Variable(x.data) for x in xs]
    y = f(*xs)
    y.grad = v
    y.backward()
    slope = np.sum(v * (y1.data - y0.data)) / (2 * eps)
    found = inner(us, [0.0 if x.grad is None else x.grad for x in xs])
    if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
        raise AssertionError(
            f"backward() gives a slope of {found:.6g}, "
            f"but the numerical slope is {slope:.6g}."
        )
    return True


# === demo ===


MARKER = re.compile(r"^# === (\w+): (.+) ===$", re.MULTILINE)


def cut(source):
    """What stands above the sections of a file, and the code of each by its name."""
    head, *parts = MARKER.split(source.partition("\n# === demo ===\n")[0])
    return head, dict(zip(parts[0::3], parts[2::3]))


def defined_names(code):
    """The functions, classes and constants of this code."""
    names = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.add(node.targets[0].id)
    return names


def used_names(code):
    """Every name that this code uses."""
    nodes = ast.walk(ast.parse(code))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def library_imports(head, code):
    """The import lines of the head that this code needs."""
    for node in ast.parse(head).body:
        if isinstance(node, ast.Import):
            name = node.names[0].asname or node.names[0].name
            if name in used_names(code):
                yield ast.unparse(node)


def section_imports(section, sections):
    """The lines that import what a section needs of earlier ones."""
    order, code = list(sections), sections[section]
    for other in order:
        names = used_names(code) - defined_names(code)
        names = ", ".join(sorted(names & defined_names(sections[other])))
        if names and order.index(other) > order.index(section):
            raise ImportError(f"{section} needs {names} of {other}, a later section.")
        if names:
            yield f"from .{other} import {names}"


def modules(source):
    """The package in this file: the text of each module by its name."""
    head, sections = cut(source)
    texts = {}
    for name, code in sections.items():
        lines = [*library_imports(head, code), *section_imports(name, sections)]
        texts[name] = "\n".join(lines) + code
    for name, code in sections.items():
        names = ", ".join(sorted(defined_names(code)))
        texts["__init__"] = texts.get("__init__", "") + f"from .{name} import {names}\n"
    return texts


@contextlib.contextmanager
def imported(texts, name):
    """Within the with block these modules are a package; after it there is none."""
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(folder, name)
        package.mkdir()
        for module, text in texts.items():
            package.joinpath(f"{module}.py").write_text(text, encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            yield importlib.import_module(name)
        finally:
            sys.path.remove(folder)
            for module in [name, *(f"{name}.{module}" for module in texts)]:
                sys.modules.pop(module, None)


def gradient(package):
    """The gradient of x ** 2 * e ** -x at 0.5, computed with this package."""
    x = package.Variable(np.array(0.5))
    y = x**2 * package.exp(-x)
    y.backward()
    return x.grad


if __name__ == "__main__":
    source = pathlib.Path(__file__).read_text(encoding="utf-8")
    texts = modules(source)
    for name in "core", "functions", "checks":
        lines = re.findall("^from.*", texts[name], re.MULTILINE)
        print(f"{name}.py", *lines, sep="\n    ")

    x_grad = gradient(sys.modules[__name__])
    print(f"x.grad in the file    = {x_grad:.6f}")
    with imported(texts, "package_of_step23") as package:
        print(f"x.grad in the package = {gradient(package):.6f}")
        print("the same              =", gradient(package) == x_grad)

    head, sections = cut(source)
    try:
        list(section_imports("checks", dict(reversed(sections.items()))))
    except ImportError as error:
        print("from the end:", error)
