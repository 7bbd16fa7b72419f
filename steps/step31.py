"""Step 31 · Towards higher order: the idea

Problem
f(x) = sin(x ** 2) has the second derivative 10.801553 at 2. Step 30 could
not get it. backward() computes f' with arrays, and arrays leave no record.

Idea
We do have something that computes and leaves a record: variables. The
derivative is a calculation like any other, so do it with variables. Begin
with the sine alone. This is its backward, as a line of variables:

    gx = gy * cos(x)

Then gx has a graph of its own, and at the other end of it is x:

    x ---> cos ---> * ---> gx
                    ^
    gy -------------+

backward() goes through any graph, whatever it stands for. Called on gx, it
brings x the derivative of cos(x), which is -sin(x). Nothing new is needed.

In the code
The framework stays as it is. The demo writes backward functions outside of
it, by hand. But we have no cos() of variables. np.cos is at hand:

    gx = gy * np.cos(x.data)

This gx is a Variable with a record: a product of gy and some array. The
record does not lead to x, so gx.backward() leaves x.grad at None. One bare
array in the middle cuts the thread. We need a cosine of variables, and we can
make one. The cosine is a sine, a quarter of a turn later:

    cosine(x)              sin(x + np.pi / 2)
    sin_backward(x, gy)    gy * cosine(x)

The first table of the Output shows that it works. gx is cos(x), and after
gx.backward() x.grad is -sin(x), to all digits shown.

Now f(x) = sin(x ** 2). Forward it is t = x ** 2, and then y = sin(t). Backward
goes from y to x, one function at a time. First it finds gt, the gradient of
t, and then gx. The demo does so in slope(). On the right is what each line
computes:

    gt = sin_backward(x**2, gy)        gt = gy * cosine(t)
    gx = square_backward(x, gt)        gx = gt * (2 * x)

Work out at x = 2 what gx.backward() will do. There gy is 1 and t is 4. So
gx is cos(t) · 2 x, a product, and x enters both factors. The slope of 2 x
is 2. The slope of cos(t) along x is -sin(t) · 2 x, and -sin(4) is 0.7568025:

    through 2 x      cos(t) · 2           =  -0.6536436 · 2     =  -1.307287
    through cos(t)   -sin(t) · 2 x · 2 x  =  0.7568025 · 4 · 4  =  12.108840
                                                      together     10.801553

There is the number. And see what np.cos(t.data) would have done here: it
cuts the second path and leaves the first. The result is -1.307287, with no
error. A record with a hole is worse than no record.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
In PyTorch the derivative of sin stands in a table as grad * self.cos(), for
real numbers. Both factors are tensors, so PyTorch can record their product.
JAX has mul(g, cos(x)), and can differentiate that product again.

Watch out
This gives the second derivative and no more. gx.backward() is the old
backward(), and what it leaves in x.grad is a bare array again. For a third
derivative we would have to write the backward of cosine by hand as well.

Nobody wants to write each derivative outside the framework. Let us have its
own backward() compute with variables. That is step 32.

Try
1. Leave out x.cleargrad() in backward_again. Which line of the Output is
   wrong then, and why only that one?
2. What is recorded(backward_again(gx, x)), for the last gx with a graph?
3. Write gy * np.cos(x.data) into sin_backward. Where does the demo stop?

Output
    The derivative of sin(x), worked out with variables
    functions behind it: ['Mul', 'Sin', 'Add']
    x    gx         cos(x)     from gx.backward()  -sin(x)
    0.5   0.877583   0.877583  -0.479426           -0.479426
    1.0   0.540302   0.540302  -0.841471           -0.841471
    1.5   0.070737   0.070737  -0.997495           -0.997495
    2.0  -0.416147  -0.416147  -0.909297           -0.909297

    The derivative of sin(x ** 2) at 2
    functions behind it: ['Mul', 'Mul', 'Mul', 'Sin', 'Add', 'Pow']
    first  -2.614574
    second 10.801553
    second None, if gx is a bare array in a new box

Answers
1. The last. It prints 10.801552683199628, which the line before has left in
   x.grad. The others are right, as x has no gradient before them.
2. [], as it is an array. So there is no third derivative.
3. In the first table. backward_again gives None there, and zip cannot go
   through None.
"""

import contextlib
import copy
import pathlib
import sys
import weakref

import numpy as np

# === core: variables, functions and the backward walk ===


class Config:
    """Settings of the whole program."""

    enable_backprop = True


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
    """A box that holds an array as its data: the one it is given, not a copy."""

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
        """data is an array or None; a TypeError shows anything else, and what to do.

        requires_grad is True. Set it to False, and the variable is a constant.
        """
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

    def __bool__(self):
        return bool(self.data)

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

    def __copy__(self):
        """The same array in a variable without a history, as plots ask for it.

        The copy of a constant is a constant.
        """
        x = Variable(self.data, self.name)
        x.requires_grad = self.requires_grad
        return x

    def set_creator(self, func):
        """Remember func, the function that made this variable.

        This variable is one generation behind it.
        """
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def detach(self):
        """The same array in a constant, without history and name."""
        return as_variable(self.data)

    def backward(self, *, retain_grad=False):
        """Give the variables at the ends of the graph their gradients, or add to them.

        It starts from self.grad, or from ones, and sets self.grad to None. Only with
        retain_grad do self and the variables in between get their gradients, too.
        Each gradient goes through fit_gradient(), which refuses a wrong shape, and
        which is also told the function that the gradient comes from.
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
                        gx = fit_gradient(gx, x, func)
                        grads[x] = grads[x] + gx if x in grads else gx
                        put(x.creator)
        for x, gx in grads.items():  # what is left are the ends of the graph
            x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if its id is in the set taken. The id of the
        array that is added goes into taken.
        """
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


def fit_gradient(gx, x, func=None):
    """gx, an array or a number, as the gradient of x: in the shape and dtype of x.

    If x holds integers or truth values, the dtype is float64. Another shape than that
    of x is a ValueError that shows both, and names func if that is where gx is from:
    "Mul.backward gave a gradient of shape (3,) for a variable of shape (1,); ...".
    What fits already is returned as it is.
    """
    gx = gx if isinstance(gx, np.generic) else as_array(gx)
    if gx.shape != x.data.shape:
        giver = f"{type(func).__name__}.backward" if func else "You"
        raise ValueError(
            f"{giver} gave a gradient of shape {gx.shape} "
            f"for a variable of shape {x.data.shape}; the two must be equal."
        )
    if gx.dtype == x.data.dtype and gx.dtype.kind == "f":
        return gx
    return gx.astype(np.result_type(x.data.dtype, 0.0))


def read_only(gy):
    """gy as a view that cannot be changed: others may have the same array."""
    if isinstance(gy, np.ndarray):
        gy = gy.view()
        gy.flags.writeable = False
    return gy


def as_variable(x):
    """x itself if it is a Variable; else a constant that holds it.

    A constant is a Variable that gets no gradient: its requires_grad is False.
    """
    if isinstance(x, Variable):
        return x
    constant = Variable(as_array(x))
    constant.requires_grad = False
    return constant


CONSTANT = -1  # the generation of a function none of whose inputs needs a gradient


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator. Its generation is the
        largest among those of the inputs that need a gradient, CONSTANT if none does.

        forward() gets a number for an array without axes. Its ValueError gets a name
        and shapes in front: "Mul cannot take shapes (2, 3) and (4,): ...".
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], CONSTANT
        for x in inputs:
            if not isinstance(x, Variable):
                return self(*map(as_variable, inputs))  # wrap the constants first
            # NumPy is ten times as fast with a number as with an array without axes
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
        its forward() lacks a return. In no_grad(), and if no input needs a gradient,
        it is a constant, without a creator and not among the outputs.
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
        """The gradients of the outputs, taken out of grads; zeros for unused ones.

        grads has them by variable. They are made read_only(), and with retain_grad
        each output gets a copy in its grad.
        """
        gys = []
        for output, saved in zip(self.outputs, self.saved_outputs):
            y = output()
            if y is None or y.creator is not self or y not in grads:
                gys.append(np.zeros_like(saved))
                continue
            gys.append(read_only(grads.pop(y)))
            if retain_grad:
                y.add_grad(gys[-1], {id(gys[-1])})
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input.

        What is not a tuple counts as one gradient. None instead of gradients is a
        TypeError: "NoReturn.backward gave None, not a gradient." Another number of
        gradients than of inputs is a ValueError: "OneOnly.backward gave 1 gradients
        for 2 inputs; it must give one for each."
        """
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
        """The array, or the tuple of arrays, this function makes out of xs.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs.

        For one input it is the gradient itself, for several a tuple in their order.
        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
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
    """x ** c for a number c; where c is 0, the slope is 0 everywhere."""

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
    """c ** x for a number c; where c is 0, the slope is 0 everywhere."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return self.c**x

    def backward(self, gy):
        (y,) = self.saved_outputs
        if self.c == 0:
            return gy * 0.0  # not gy * log 0 * y, which has no value
        return gy * np.log(self.c) * y


def python_number(c):
    """A number as Python's own, which leaves the dtype of the arrays it meets.

    NUMBERS are the types of a number. Anything else is a TypeError:
    "A power takes a variable and a number, but got None."
    """
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


class Sin(Function):
    """sin x, x in radians."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * np.cos(x)


def sin(x):
    """sin x, element by element, x in radians."""
    return Sin()(x)


# === checks: gradients against numerical slopes ===


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def along(f, xs, k):
    """f as a function of input number k alone; the others stay what they are in xs."""
    return lambda x: f(*xs[:k], x, *xs[k + 1 :])


def gradient_check(f, *xs, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at xs, Variables.

    Each element of f(*xs) must depend on the same element of each x alone. An
    AssertionError names the first input and element whose two slopes are further
    apart than tolerance * (abs(numerical slope) + 0.001), and says both. An input
    without a gradient counts as slope 0. The gradients of xs stay as they are.
    """
    xs = [Variable(x.data) for x in xs]
    f(*xs).backward()
    for k, x in enumerate(xs):
        slopes = numerical_diff(along(f, xs, k), x, eps)
        for i, slope in np.ndenumerate(slopes):
            found = 0.0 if x.grad is None else x.grad[i]
            if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
                raise AssertionError(
                    f"Input {k}, element {i}: backward() gives a slope of {found:.6g}, "
                    f"but the numerical slope is {slope:.6g}."
                )
    return True


# === files: files that are whole, or not there at all ===


def write_file(path, content):
    """Write bytes to path, whole or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


# === graph: pictures of graphs ===


def dot_variable(name, x, verbose):
    """The line of DOT that draws the variable x as an oval, without a newline.

    Its label is x's name, if it has one. verbose adds shape and dtype, if it has
    data: "x: (2, 3) float64", or "(2, 3) float64" without a name. A backslash
    comes before each " and each backslash of the label.

    n0 [label="x: (2, 3) float64", color=orange, style=filled]
    """
    label = x.name or ""
    if verbose and x.data is not None:
        label += f"{': ' if label else ''}{x.shape} {x.dtype}"
    label = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name} [label="{label}", color=orange, style=filled]'


def dot_function(name, func):
    """The same for the function func: a rectangle with the name of its class.

    n2 [label="Add", color=lightblue, style=filled, shape=box]
    """
    label = type(func).__name__
    return f'{name} [label="{label}", color=lightblue, style=filled, shape=box]'


def get_dot_graph(output, verbose=True):
    """The graph that made output, as text in the DOT language.

    Each variable and function is drawn once, as a node. Their names are n0 (the
    output), n1, ... as they are met. There is an edge for each input, and for each
    output that is alive. verbose adds shape and dtype to the names of the variables.

    The first line is "digraph g {", the last one "}". Every line ends with a newline.
    """
    names, lines, funcs = {}, [], [output.creator]

    def node(obj):
        if id(obj) not in names:
            name = names[id(obj)] = f"n{len(names)}"
            if isinstance(obj, Variable):
                lines.append(dot_variable(name, obj, verbose))
            else:
                lines.append(dot_function(name, obj))
        return names[id(obj)]

    node(output)
    while funcs:
        func = funcs.pop()
        if func is None or id(func) in names:
            continue
        for x in func.inputs:
            lines.append(f"{node(x)} -> {node(func)}")
            funcs.append(x.creator)
        for y in func.outputs:
            if y() is not None:
                lines.append(f"{node(func)} -> {node(y())}")
    return "digraph g {\n" + "\n".join(lines) + "\n}\n"


def draw_dot(dot, path):
    """DOT text as a picture in the format that the ending of path names, as bytes.

    None if neither the dot program nor pygraphviz is there to draw it.
    """
    import graphviz

    kind = path.suffix[1:].lower()
    try:
        return graphviz.Source(dot).pipe(format=kind)
    except (graphviz.ExecutableNotFound, OSError):
        pass
    try:
        import pygraphviz
    except ImportError:
        return None
    return pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot")


def plot_dot_graph(output, verbose=True, to_file="out/graph.svg"):
    """Draw the graph that made output into a file; .svg, .png and .pdf will do.

    Returns the Path of the picture. Where nothing can draw it, the text goes into
    a .dot file, whose Path is returned, and one line on stderr names that file
    and says that Graphviz is to be installed.
    """
    path = pathlib.Path(to_file)
    dot = get_dot_graph(output, verbose)
    picture = draw_dot(dot, path)
    if picture is None:
        path = path.with_suffix(".dot")
        picture = dot.encode()
        print(f"{path} is not drawn: install Graphviz (graphviz.org).", file=sys.stderr)
    write_file(path, picture)
    return path


# === demo ===


def cosine(x):
    """cos x, as a variable: the cosine is the sine, a quarter of a turn later."""
    return sin(x + np.pi / 2)


def sin_backward(x, gy):
    """The gradient of x in y = sin x, given gy, that of y; all are variables."""
    return gy * cosine(x)


def square_backward(x, gy):
    """The gradient of x in y = x ** 2, given gy, that of y; all are variables."""
    return gy * (2 * x)


def slope(x):
    """The derivative of sin(x ** 2) at the Variable x, as a variable with a graph."""
    gy = Variable(np.ones(x.shape))
    gt = sin_backward(x**2, gy)
    return square_backward(x, gt)


def backward_again(gx, x):
    """x.grad after gx.backward(), cleared before; gx is a gradient with a graph."""
    x.cleargrad()
    gx.backward()
    return x.grad


def recorded(v):
    """The names of the functions that v was made by, each once, the last one first.

    An array has none, and neither has a variable without a creator.
    """
    found, funcs = [], [getattr(v, "creator", None)]
    while funcs:
        func = funcs.pop()
        if func is not None and func not in found:
            found.append(func)
            funcs.extend(x.creator for x in func.inputs)
    return [type(func).__name__ for func in found]


if __name__ == "__main__":
    x = Variable(np.array([0.5, 1.0, 1.5, 2.0]), name="x")
    gx = sin_backward(x, Variable(np.ones(4)))
    print("The derivative of sin(x), worked out with variables")
    print(f"functions behind it: {recorded(gx)}")
    print("x    gx         cos(x)     from gx.backward()  -sin(x)")
    for a, first, second in zip(x.data, gx.data, backward_again(gx, x)):
        values = f"{np.cos(a):9.6f}  {second:9.6f}           {-np.sin(a):9.6f}"
        print(f"{a:.1f}  {first:9.6f}  {values}")
    print()
    x = Variable(np.array(2.0))
    gx = slope(x)
    print("The derivative of sin(x ** 2) at 2")
    print(f"functions behind it: {recorded(gx)}")
    print(f"first  {gx.data:9.6f}")
    print(f"second {backward_again(gx, x):9.6f}")
    gx = Variable(gx.data)
    print(f"second {backward_again(gx, x)}, if gx is a bare array in a new box")
