"""Step 18 · Saving memory

Problem
Square an array of 1 MB ten times and call backward(). After that step 17
holds 21 MB besides x: the 10 results, and 11 gradients. We want one of these
gradients, x.grad.

If you want y alone, and no gradient at all, you pay as well. The graph holds
10 MB, and nobody will ever go back through it.

Three savings follow: the gradients in between, the graph, and 32 bytes of each
variable.

Idea
Take y = (x²)² at x = 2, and let a be the inner x². Who needs which gradient?

    y.grad = 1               the Square that made y needs it, to get a.grad
    a.grad = 1 · 2a = 8      the Square that made a needs it, to get x.grad
    x.grad = 8 · 2x = 32     we need it

1 and 8 are waste as soon as the next line is done. So let us set y.grad to
None after its use, and a.grad, too. This saves the memory. But sometimes we
do want to see the 8. If we leave it in a.grad, a second y.backward() puts a
new 8 on top of it, and 16 goes on to x. Step 14's Watch out gave 96 for 64.

So .grad has two jobs. It holds the result for the user, and it hands
gradients from one function to the next. Let us separate them. A walk is one
run of backward() through the graph, what step 15 called the loop. Each walk
gets a dictionary of its own for the second job. Its keys are the variables
(compared by identity, not by value), and a function that uses a gradient
takes it out:

    grads     {y: 1}
              {a: 8}          the Square that made y took the 1
              {x: 32}         the Square that made a took the 8

What nobody takes is left over. These are the gradients of the ends of the
graph, the variables that no function made.

The second saving is simple. If no gradient is wanted, no graph is needed. So
let nothing be recorded: no creator and no outputs. Then each array is freed
as soon as the next one is made. All it takes is a switch that the functions
look at.

In the code
First the walk. What is left in grads goes into .grad. The star means that
retain_grad must be given by name, as in backward(retain_grad=True):

    [Variable.backward]

output_grads() takes the gradients of a function's outputs out of grads. With
retain_grad it leaves copies in .grad. You may have set y.creator to None, to
cut the graph at y. Then y no longer belongs to this function, and counts as
unused:

    [Function.output_grads]

Two variables can still share one array, since Add gives one and the same gy
to both its inputs. There are two ways to go wrong. The first is a backward()
that changes its gy:

    gy *= 2
    return gy

For y = 2x + w step 17 gives w the slope 2 instead of 1. So each backward()
gets a view that cannot be written to, and gy *= 2 is an error. (A gradient
can be a plain number here. It has no view and needs none.)

    [read_only]

The second is a user who writes x.grad *= 10. For y = x + w that changed
w.grad as well. Now each variable gets an array of its own. add_grad() copies
an array that is a view, or that is somebody's gradient already. taken holds
the ids of all gradients so far:

    [Variable.add_grad]

Now the switch. It is an attribute of a class, so the whole program shares it:

    [Config]

    [Function.make_output]

Could we not just write Config.enable_backprop = False, and True afterwards?
If an exception is raised in between, "afterwards" never comes, and the
program goes on without gradients. A with block can tidy up in any case. It
runs where yield stands. What follows yield runs after the block, and under
finally it does so after an exception, too:

    [using_config]

The block restores what was there before, and not simply True. That is why
blocks can be nested. A name that Config does not have is an AttributeError.
Most of the time we want this one switch off, so that gets a short name:

    [no_grad]

The third saving is small, but every variable has it. Python leaves room for
any attribute in each object, unless the class lists them in __slots__. With
the list a variable takes 72 bytes instead of 104. (tracemalloc measures this;
sys.getsizeof leaves out that room.) And x.gard = 1 is an error now. The weak
references of step 17 need the __weakref__ in the list:

    [Variable]

The demo shows the switch before, in and after nested blocks. Its memory()
says how much memory a result holds.

Now variables cost little. They are still tiresome to look at: print(x) shows
an address, and x.shape is an error. Step 19 opens the box.

New:      Config, using_config, no_grad, Variable.add_grad, read_only
Changed:  Variable, Variable.backward, Function.make_output,
          Function.output_grads
Removed:  nothing

Elsewhere
PyTorch has torch.no_grad(). It holds for one thread, as ours will from step
54 on. v.retain_grad() there keeps the gradient of one tensor in between.
Chainer has using_config, and backward(retain_grad=True).

Watch out
A second y.backward() still adds to x.grad: 32, then 64. That is step 14's
rule, and the way out is x.cleargrad(). With retain_grad it adds to a.grad as
well.

y.backward() uses y.grad up. It stays only with retain_grad.

Try
1. Leave out try and finally in using_config, and keep the last line. What
   does the demo print for the switch?
2. Before running: y = square(x) is computed in no_grad(). What is x.grad
   after y.backward()?
3. Count the 11 MB of the row "backward". Which arrays are they?

Output
    retain_grad=True   gradients of x, a, y: 32.0, 8.0, 1.0
    retain_grad=False  gradients of x, a, y: 32.0, None, None
    switch: True False True False True
    backward, retain_grad  holds 21 MB
    backward               holds 11 MB
    forward only           holds 10 MB
    forward only, no_grad  holds  1 MB

Answers
1. True False True False False. The switch stays off after the exception, so
   the rest of the demo records nothing: 2, 2, 1 and 1 MB.
2. None. y has no creator, so there is no way back to x.
3. The 10 results of square(), which the graph holds, and x.grad.
"""

import contextlib
import copy
import tracemalloc
import weakref

import numpy as np


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

    __slots__ = ("data", "grad", "creator", "generation", "__weakref__")

    def __init__(self, data):
        """data is an array or None; a TypeError shows anything else, and what to do."""
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None
        self.generation = 0

    def set_creator(self, func):
        """Remember func, the function that made this variable.

        This variable is one generation behind it.
        """
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self, *, retain_grad=False):
        """Give the variables at the ends of the graph their gradients, or add to them.

        It starts from self.grad, or from ones, and sets self.grad to None. Only with
        retain_grad do self and the variables in between get their gradients, too.
        """
        gy = np.ones_like(self.data) if self.grad is None else self.grad
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        grads, taken = {self: gy}, {id(gy)}
        self.grad = None
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads(grads, retain_grad)
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    grads[x] = grads[x] + gx if x in grads else gx
                    put(x.creator)
        for x, gx in grads.items():  # what is left are the ends of the graph
            x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if its id is in the set taken. The id of the
        array that is added goes into taken.
        """
        gx = as_array(gx)
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


def read_only(gy):
    """gy as a view that cannot be changed: others may have the same array."""
    if isinstance(gy, np.ndarray):
        gy = gy.view()
        gy.flags.writeable = False
    return gy


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator. Its generation is the
        largest among those of the inputs.
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], 0
        for x in inputs:
            xs.append(x.data)
            if x.generation > generation:
                generation = x.generation
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.saved_inputs = xs
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            self.saved_outputs = ys
            return [self.make_output(y) for y in ys]
        self.saved_outputs = (ys,)
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable made by this function, the last of its outputs.

        There they are weak references. None is a TypeError that names the class:
        its forward() lacks a return. In no_grad() the Variable has no creator and is
        not among the outputs.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        return output

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
        """What backward() gives as a tuple: one gradient for each input."""
        gxs = self.backward(*gys)
        return gxs if isinstance(gxs, tuple) else (gxs,)

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

MEGABYTE = 1_000_000


def ten_squares(x):
    """The tenth square of x in a row."""
    for _ in range(10):
        x = square(x)
    return x


def forward_and_backward(x, retain_grad):
    """Ten squares and their gradients."""
    y = ten_squares(x)
    y.backward(retain_grad=retain_grad)
    return y


def forward_only(x):
    """Ten squares of which no graph is kept."""
    with no_grad():
        return ten_squares(x)


def memory(f, *args):
    """What the result of f(a variable of 1 MB, *args) holds, in megabytes."""
    x = Variable(np.ones(MEGABYTE // 8))
    tracemalloc.start()
    y = f(x, *args)
    held = tracemalloc.get_traced_memory()[0] / MEGABYTE
    tracemalloc.stop()
    del y
    return f"{held:2.0f} MB"


def switch_states():
    """Config.enable_backprop before, in and after nested blocks and an exception."""
    seen = [Config.enable_backprop]
    try:
        with no_grad():
            seen.append(Config.enable_backprop)
            with using_config("enable_backprop", True):
                seen.append(Config.enable_backprop)
            seen.append(Config.enable_backprop)
            raise ValueError("something went wrong")
    except ValueError:
        seen.append(Config.enable_backprop)
    return seen


if __name__ == "__main__":
    for keep in (True, False):
        x = Variable(np.array(2.0))
        a = square(x)
        y = square(a)
        y.backward(retain_grad=keep)
        grads = ", ".join(str(v.grad) for v in (x, a, y))
        print(f"retain_grad={keep!s:6} gradients of x, a, y: {grads}")
    print("switch:", *switch_states())
    print("backward, retain_grad  holds", memory(forward_and_backward, True))
    print("backward               holds", memory(forward_and_backward, False))
    print("forward only           holds", memory(ten_squares))
    print("forward only, no_grad  holds", memory(forward_only))
