"""Step 17 · Memory and cycles

Problem
Make a graph of four arrays of 1 MB each. Drop it, and make the next. After
ten such graphs step 16 can still hold 40 MB, though no name leads to any of
it:

    for _ in range(10):
        y = large_graph()
        del y

Idea
Python counts for each object how many others refer to it. When the last of
these references goes, the object is freed at once. So let us count, for
y = square(x) and the function func that made it:

    y       2 references: the name y, and func.outputs
    func    1 reference:  y.creator

del y takes the name away. One reference to y is left, and that is func's.
func has its one reference, and that is y's:

    func --- outputs ---> y
    func <-- creator ---- y

This is a cycle. Each keeps the other alive, and func keeps its inputs alive,
and these their creators, down to x.

Python has a second way to free objects: the cyclic garbage collector. It finds
cycles that no name leads to. But it comes when some hundreds of new objects
have piled up. It counts objects, not megabytes, and our ten graphs have few
objects and 40 MB. We could call it after every graph, with gc.collect().
Then it searches all objects of the program, each time.

Better not to make a cycle at all. Which of the two references can we do
without? creator is the way back: backward() starts at y, and nothing else
leads to func. outputs serves to look up the gradients of the outputs. It must
find y, but it need not keep y alive. That is what a weak reference does:

    func - - outputs - -> y       weak: it finds y while y is there
    func <-- creator ---- y

Now y has 1 reference, its name. del y frees y. With it goes the only
reference to func, then those to its inputs, and the graph is gone.

In the code
weakref.ref(output) makes a weak reference. Nothing else changes here:

    [Function.make_output]

A weak reference is called like a function. outputs[0]() is the variable, or
None if it is gone. Can it be gone while we still need it? In exp(square(x))
nobody has a name for the x² in between. But Exp refers to it in its inputs,
so it lives as long as y does.

It can be gone if a function has two outputs, as DivMod has:

    whole, remainder = DivMod()(x0, x1)
    del remainder

A function that used remainder would keep it alive. So nothing has used it, and
its gradient is zero. The shape of the zeros is that of the saved output.
saved_outputs has arrays, not variables, so it is no part of the cycle:

    [Function.output_grads]

The demo measures. memory_held() makes and drops ten graphs, with the
collector switched off, and notes after each how many megabytes are held. For
the second row close_cycles() puts the outputs back into the functions, as
they were in step 16. The last column comes after gc.collect().

Dropped graphs cost nothing now. While a graph is alive it keeps all its
arrays and all gradients in between, wanted or not. Step 18 lets go of what
nobody wants.

New:      nothing
Changed:  Function.make_output, Function.output_grads
Removed:  nothing

Elsewhere
Chainer's functions have weak references to their outputs, too. In PyTorch a
tensor refers to its grad_fn, and a grad_fn only to those before it. exp needs
its own output on the way back: its grad_fn saves the data, not the tensor.

Watch out
total = add(total, loss) in a training loop keeps the graphs of all losses
alive, without any cycle: total leads back to each of them. Add up loss.data
if you only want the number.

Try
1. Leave out the del in memory_held(). How much is held, and why not more?
2. Take gc.disable() out. Does the collector come in time? Why (not)?
3. Before running: what does the last row say if large_graph(), the demo's
   graph, returns square(a) instead of the sum?

Output
    MB held     after graph  1  2  3  4  5  6  7  8  9 10  gc.collect()
    weak references          0  0  0  0  0  0  0  0  0  0             0
    cycles                   4  8 12 16 20 24 28 32 36 40             0

Answers
1. With weak references 4 MB after each graph. The name y keeps a graph alive
   until it is given to the next one; then the previous one is freed. The row
   of the cycles stays at 4, 8 and so on up to 40. But its last column becomes
   4, as that of the first row does: gc.collect() frees nothing that has a
   name.
2. No, the numbers stay the same. Ten graphs have too few objects to call it:
   the count begins at zero after each gc.collect().
3. 3 6 9 and so on up to 30: without the sum there are three arrays.
"""

import copy
import gc
import tracemalloc
import weakref

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

        There they are weak references. None is a TypeError that names the class:
        its forward() lacks a return.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(weakref.ref(output))
        return output

    def output_grads(self):
        """The gradients of the outputs: zeros for one that is gone or was not used."""
        gys = []
        for output, saved in zip(self.outputs, self.saved_outputs):
            y = output()
            unused = y is None or y.grad is None
            gys.append(np.zeros_like(saved) if unused else y.grad)
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


def large_graph():
    """y = (x ** 2) ** 2 + x ** 2 : four arrays of one megabyte."""
    x = Variable(np.ones(MEGABYTE // 8))
    a = square(x)
    return add(square(a), a)


def close_cycles(y):
    """Let each function hold its output, as in step 16."""
    funcs = [y.creator]
    while funcs:
        func = funcs.pop()
        if func is not None:
            func.kept = [output() for output in func.outputs]
            funcs += [x.creator for x in func.inputs]


def memory_held(graphs, cycles):
    """The megabytes still held after each of the graphs was made and dropped."""
    held = []
    gc.disable()
    tracemalloc.start()
    for _ in range(graphs):
        y = large_graph()
        if cycles:
            close_cycles(y)
        del y
        held.append(tracemalloc.get_traced_memory()[0] / MEGABYTE)
    gc.collect()
    held.append(tracemalloc.get_traced_memory()[0] / MEGABYTE)
    tracemalloc.stop()
    gc.enable()
    return held


if __name__ == "__main__":
    numbers = "".join(f"{n:3}" for n in range(1, 11))
    print(f"MB held     after graph{numbers}  gc.collect()")
    for name, cycles in [("weak references", False), ("cycles", True)]:
        *held, collected = memory_held(10, cycles)
        row = "".join(f"{megabytes:3.0f}" for megabytes in held)
        print(f"{name:23}{row}{collected:14.0f}")
