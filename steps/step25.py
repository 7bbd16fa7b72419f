"""Step 25 · Pictures of graphs (1)

Problem
print(y) says variable(32.0). It does not say what y was made of, or which
value was used twice. In step 15 we drew that graph with -, + and >:

                    +--> Q --> b --+
    x --> P --> a --+              +--> S --> y
                    +--> R --> c --+

That graph has four functions, and drawing it took some patience. The one of
Goldstein-Price in step 24 has 38, and nobody draws those with a text editor.

Idea
The hard part of drawing is to find a place for everything. So write down
only what is connected to what, and let a program find the places. The
language for that is DOT. One line for each arrow is enough:

    x -> Square
    Square -> a
    a -> Square
    Square -> b

Go on like this to the end and let a program draw it. The picture has 7 nodes,
and ours has 9. P, Q and R have become one node, with arrows from x and from a,
and to a, b and c. Is b made from x or from a? Nobody can tell.

In DOT the same name is the same node. So each node needs a name of its own.
What the picture shows is the label, and two nodes may have the same one. The
label stands in brackets, with color and shape:

    P [label="Square", shape=box]
    Q [label="Square", shape=box]
    x -> P
    P -> a
    a -> Q

Now the picture has two nodes that read Square, and no arrow is in doubt.

In the code
All the code of this step is in the demo, which writes the graph of step 15 as
DOT. Each of these functions gives a piece of the text:

    node("P", "Square", shape="box")    P [label="Square", shape=box]
    edge("x", "P")                      x -> P
    digraph(lines)                      digraph g { all lines, and }

A label may hold anything, and sooner or later it holds a quote:

    n [label="say "x""]

DOT reads the label "say " and is confused by the rest. A backslash before a
quote makes the quote part of the label. So a backslash of the label needs
another one before it, too. quote() replaces both, the backslashes first. Try 3
does it the other way round.

step15_lines() makes the 9 nodes. For the 9 arrows it follows two paths through
the picture, "xPaQbSy" and "aRcS". An arrow leads from every letter to the
next.

The program that finds the places is called dot, and it belongs to Graphviz.
picture(dot, ending) calls it through the Python package graphviz, which stands
in requirements.txt. If the program dot is missing, the package pygraphviz is
tried. If both are missing, save() keeps the text and says on stderr what to
install.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
Chainer's computational_graph writes DOT, and so does the package torchviz
for PyTorch. JAX shows a graph as text: jax.make_jaxpr(f)(x).

Watch out
pip install graphviz does not install dot. That package only calls it. The demo
needs the package even where it draws nothing.

DOT knows nothing of calculus. dot draws a wrong arrow as neatly as a right
one. Here we typed the arrows ourselves, and nobody checked them. Variables and
functions remember the right ones. In step 26 they tell us what to draw.

Try
1. Begin the text in digraph() with "digraph g { rankdir=LR". What changes?
2. Write "xPaQcSy" for "xPaQbSy". Does dot complain? How would you notice?
3. Let quote() replace the quotes first, then the backslashes. What becomes of
   the label say "x"?

Output
    digraph g {
    x [label="x", color=orange, style=filled]
    a [label="a", color=orange, style=filled]
    b [label="b", color=orange, style=filled]
    c [label="c", color=orange, style=filled]
    y [label="y", color=orange, style=filled]
    P [label="Square", color=lightblue, style=filled, shape=box]
    Q [label="Square", color=lightblue, style=filled, shape=box]
    R [label="Square", color=lightblue, style=filled, shape=box]
    S [label="Add", color=lightblue, style=filled, shape=box]
    x -> P
    P -> a
    a -> Q
    Q -> b
    b -> S
    S -> y
    a -> R
    R -> c
    c -> S
    }
    in out/: step25.svg, or step25.dot if nothing can draw it

Answers
1. The graph runs from left to right. Without it, from top to bottom.
2. No. To dot this is a graph like any other. But b stands alone, with no arrow
   at all. Both Q and R have an arrow to c, and a variable is made by only one
   function. And c -> S is written twice, so two arrows lead from c to S.
3. Each quote gets a backslash, and then that backslash gets one of its own.
   DOT reads the two as one backslash of the label. The quote after them is
   bare again, and the label ends there, with say and a backslash.
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


# === demo ===


def quote(text):
    """A text in quotes for DOT, with a backslash before each \" and \\ in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def node(name, label, **attributes):
    """The line of DOT for a node: its name, and in brackets label and attributes."""
    pairs = [f"label={quote(label)}", *(f"{k}={v}" for k, v in attributes.items())]
    return f"{name} [{', '.join(pairs)}]"


def edge(start, end):
    """The line of DOT for an arrow from one node to another."""
    return f"{start} -> {end}"


def digraph(lines):
    """The text of a graph: the lines of its nodes and edges, between braces."""
    return "digraph g {\n" + "\n".join(lines) + "\n}\n"


def step15_lines():
    """The lines for y = (x²)² + (x²)², where a = x² is computed once."""
    lines = [node(name, name, color="orange", style="filled") for name in "xabcy"]
    for name, label in zip("PQRS", ["Square", "Square", "Square", "Add"]):
        lines.append(node(name, label, color="lightblue", style="filled", shape="box"))
    for path in "xPaQbSy", "aRcS":
        lines += [edge(start, end) for start, end in zip(path, path[1:])]
    return lines


def picture(dot, ending):
    """DOT text as a picture, as bytes; None where nothing can draw it.

    ending is the format: "svg", "png" or "pdf".
    """
    import graphviz

    try:
        return graphviz.Source(dot).pipe(format=ending)
    except (graphviz.ExecutableNotFound, OSError):
        pass
    try:
        import pygraphviz
    except ImportError:
        return None
    return pygraphviz.AGraph(string=dot).draw(format=ending, prog="dot")


def save(dot, path):
    """Draw DOT text into a new file in the format of its ending; returns its path.

    The folder is made. Where nothing can draw it, the text goes into a .dot file,
    and one line on stderr names that file and says what to install.
    """
    content = picture(dot, path.suffix[1:])
    if content is None:
        path, content = path.with_suffix(".dot"), dot.encode()
        print(f"{path} is not drawn: install Graphviz (graphviz.org).", file=sys.stderr)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    dot = digraph(step15_lines())
    print(dot, end="")
    save(dot, pathlib.Path("out/step25.svg"))
    print("in out/: step25.svg, or step25.dot if nothing can draw it")
