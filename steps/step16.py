"""Step 16 · Complex graphs: generations

Problem
Step 15 found the rule: a function's backward() runs only after those of all
functions that use its output. A person sees that in the picture. The loop
cannot, and so it says 96 instead of 64 for y = (x²)² + (x²)².

Wrong numbers are not all. Take y1 = x + x, y2 = y1 + y1, y3 = y2 + y2, and
so on. Each sum puts in the one before it twice, and it runs both times. So
the runs double from sum to sum. 50 sums would take 2⁵⁰ runs: years.

Idea
We have to know who comes before whom. While the graph is being built, we do
know it: forward() runs after its inputs exist. So let us number everything at
that time:

    a variable that you make    generation 0
    a function                  the largest generation among its inputs
    a variable that it makes    one more than the function

Here is the second graph of step 15, y = a + a² with a = x², which defeated
us even with "first come, first served":

    x --> P --> a --+--------------------+
                    |                    +--> S --> y
                    +--> Q --> b --------+

    generation    0    1    2    3
    functions     P    Q    S
    variables     x    a    b    y

S has the inputs a, of generation 1, and b, of generation 2. So S is of
generation 2. Now take the function of the latest generation first:

    S    2      a.grad = 1        b.grad = 1
    Q    1      a.grad = 1 + 1 · 8 = 9
    P    0      x.grad = 9 · 4 = 36

36 is right. Is it always? The functions that use a are at least of
generation 1, and P, which makes a, is of generation 0. So those that are
waiting go before P. Suppose one of them isn't waiting yet. Follow its output
toward y: generations rise, and some function on that path is waiting. All of
that path is later than P, so it goes first. An order that keeps to our rule
is called a topological order.

In the code
A variable begins with generation 0. If a function makes it, set_creator
raises that number:

    [Variable.__init__]

    [Variable.set_creator]

The function takes the largest number among its inputs. It must do so before
it makes its outputs, since set_creator reads it:

    [Function.__call__]

Now for the functions that wait. The plain way is one list, sorted by
generation before each pop(). The numbers are right, but a wide graph takes
long. In a sum of 4,000 squares the squares wait until the last of the 3,999
sums is done, and each sum sorts them once more.

Nothing needs to be sorted if each generation has a place of its own. waiting
is a list of such places. y of generation 3 was made by a function of
generation 2, and no function is later. So there are three places, as many as
y.generation says. waiting.pop() takes the latest place away, with all that is
in it:

    waiting = [{}, {}, {S}]     S is taken, and puts in P and Q
    waiting = [{P}, {Q}]        Q is taken, and puts in P once more
    waiting = [{P}]             P is taken

    [Variable.backward]

Can a function still come for a place that is gone? No: what a function puts
in are the creators of its inputs, and these are of an earlier generation.

Each place is a dict, with the functions as its keys. S and Q both put in P,
and as a key it is there once. So it runs once, and 50 doublings take 50 runs.
The value of each key is True, and nobody reads it. Why not a set? Its order
differs each time the program runs, and sums of gradients would differ in
their last digits. A dict keeps the order in which its keys came.

The gradients are right now, for every graph. But try a large one, ten times
over, and look at the memory it takes. That is step 17.

New:      nothing
Changed:  Variable.__init__, Variable.set_creator, Variable.backward,
          Function.__call__
Removed:  nothing

Elsewhere
Chainer has the same number and calls it rank; its functions wait in a heap.
PyTorch runs a function when none of its gradients is missing. Among those
that are ready it takes the one that was made last.

Watch out
The numbers are given when the graph is built. Set y.creator = func without
set_creator(), and y stays at generation 0. Then backward() finds no place for
func: an IndexError.

Try
1. Before running: in the graph of the demo, of what generation is add(x, y)?
2. Let each place be a list, and use append. Ask for 15 doublings, not 50,
   which would take years. What stands in place of 64.0, and what do 15
   doublings give?
3. Take the functions from the front, with waiting.pop(0). What happens?

Output
    variable    x a b c y
    generation  0 1 2 2 3
    y = (x^2)^2 + (x^2)^2   x.grad = 64.0
    50 doublings of x       x.grad = 1125899906842624.0
    sum of 4,000 x^2, x = 2 x.grad = 16000.0

Answers
1. y is of generation 3. So the function Add is of generation 3, and the new
   variable of generation 4.
2. 128.0. P is in its place twice, once from Q and once from R. It runs twice,
   both times with all of its gradient. In the doublings each sum runs twice
   as often as the one after it. So 15 of them take 32,767 runs, and give
   1.3e36 instead of 32768.0.
3. IndexError: list index out of range. First the empty places are taken. When
   S comes and wants to put in Q and R, no place is left.
"""

import copy

import numpy as np

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

    def backward(self):
        """Give a gradient to every variable this one was made from, or add to one.

        Adding makes a new array; an array that is a gradient stays as it is. Each
        function runs once, after all those that use what it made.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx if x.grad is None else x.grad + gx)
                    put(x.creator)


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

        None is a TypeError that names the class: its forward() lacks a return.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def output_grads(self):
        """The gradients of the outputs: zeros for one that was not used."""
        gys = []
        for y in self.outputs:
            gys.append(np.zeros_like(y.data) if y.grad is None else y.grad)
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


def forks(x):
    """The first graph of step 15, as a dict of its variables by name."""
    a = square(x)
    b, c = square(a), square(a)
    return {"x": x, "a": a, "b": b, "c": c, "y": add(b, c)}


def doubled(x, times):
    """x + x = y1, y1 + y1 = y2, and so on; each y forks again."""
    for _ in range(times):
        x = add(x, x)
    return x


def wide_sum(x, terms):
    """x ** 2 + x ** 2 + ... : a wide graph, with all squares in generation 0."""
    total = square(x)
    for _ in range(terms - 1):
        total = add(total, square(x))
    return total


if __name__ == "__main__":
    x = Variable(np.array(2.0))
    variables = forks(x)
    print("variable   ", *variables)
    print("generation ", *[v.generation for v in variables.values()])
    variables["y"].backward()
    print(f"y = (x^2)^2 + (x^2)^2   x.grad = {x.grad}")
    for name, y in [
        ("50 doublings of x", doubled(x, 50)),
        ("sum of 4,000 x^2, x = 2", wide_sum(x, 4000)),
    ]:
        x.cleargrad()
        y.backward()
        print(f"{name:23} x.grad = {x.grad}")
