"""Step 15 · Complex graphs: why order matters

Problem
y = (x²)² + (x²)² is 2x⁴, so its slope is 8x³. At x = 2 that is 64. Step 14
says 96. Each function is right, and gradients add up. What is wrong?

Idea
Give the four functions names. P makes a = x², Q and R both make a², and S is
the sum:

                    +--> Q --> b --+
    x --> P --> a --+              +--> S --> y
                    +--> R --> c --+

At x = 2 we have a = 4. So Q and R have the slope 2a = 8, and P has 2x = 4.
Now follow the loop. To run a function means here to run its backward(). The
loop takes the function that was put into its list last:

    list     runs   what it does
    [S]      S      b.grad = 1 and c.grad = 1; puts in Q and R
    [Q R]    R      a.grad = 1 · 8 = 8; puts in P
    [Q P]    P      x.grad = 8 · 4 = 32
    [Q]      Q      a.grad = 8 + 1 · 8 = 16; puts in P
    [P]      P      x.grad = 32 + 16 · 4 = 32 + 64 = 96

There it is, in the third row. P runs when only the gradient through R has
come in. It passes on 8, but it should have passed on 16. Then the 8 through Q
arrive, and P runs again. Now it passes on all 16, although it has passed on 8
of them before.

What could help? Three ideas come to mind:

    run no function twice         S R P Q      32
    first come, first served      S Q R P P    128
    both                          S Q R P      64

32 is half of what is right: P ran too early, and then never again. 128 is
twice as much, for P ran twice, both times with all 16. Both ideas together
give 64. Done?

No, that was luck. Take y = a + a² with a = x², which is 20 at x = 2. Its
slope is 2x + 4x³ = 36:

    x --> P --> a --+--------------+
                    |              +--> S --> y
                    +--> Q --> b --+

Keep to both rules. S puts in P and Q. P came first, so it runs first and
passes on 1 · 4 = 4. Then Q adds its 8, so that a.grad is 1 + 8 = 9, and
nobody passes it on. We get 4, where 9 · 4 = 36 is right. (The loop as it
stands gives 72.)

When a function was put in does not matter. This does:

    a function's backward() runs only after those of all functions that
    use its output

P makes a. In the first graph Q and R use it, in the second Q and S do. So P
has to be last in both. Which of Q and R comes first makes no difference.

In the code
This step is an experiment, and the demo has the apparatus for it. graph(x)
builds the first picture and gives y and its four functions by name.
order_of_calls(x) runs backward() on it and gives the names of the functions
in the order in which they run. To that end noted() wraps a backward() so that
it writes its name down first.

by_hand(x, order) does without the loop. You say in which order the functions
run, such as "SRQP". It does just what the loop does for each of them: it adds
what backward() gives to the gradients of the inputs. It shows what is in
a.grad and x.grad after each.

By hand we get 64, because we have looked at the picture. The loop cannot see
the picture. It knows one function at a time and has to decide whether all
that use its output have run. In step 16 a single number for each function
will tell it.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch first counts how many gradients each function is waiting for, and
runs it when none is missing. JAX has no order to find: it writes down the
calculations in the order in which they run, and reads the list backwards.

Watch out
A wrong order raises no error. It gives a wrong number. Whenever a graph parts
and meets again, compare with numerical_diff().

Try
1. Let by_hand run each of the four functions once. Which orders run at all,
   and what do they give? Which error does the order PSRQ raise?
2. Change add(b, c) in graph() to add(c, b). What changes, and what doesn't?
3. Before running: feed y into a second graph of this shape, and that y into a
   third one. How often does the first P run?

Output
    y = 32.0, dy/dx = 8 x^3 = 64.0
    backward() calls S R P Q P: x.grad = 96.0
    by hand, P once and last:
        S   a.grad = None   x.grad = None
        R   a.grad = 8.0    x.grad = None
        Q   a.grad = 16.0   x.grad = None
        P   a.grad = 16.0   x.grad = 64.0
    by hand, P once but too early: x.grad = 32.0

Answers
1. Four: SRQP and SQRP give 64, SRPQ and SQPR give 32. S has to be first, and
   P needs Q or R before it. PSRQ raises TypeError: unsupported operand
   type(s) for *: 'NoneType' and 'float'. No gradient has reached a yet.
2. backward() calls S Q P R P. x.grad is 96.0 as before, since Q and R do the
   same. What we do by hand does not change at all.
3. Four times, then eight times: it doubles with each graph. After fifty of
   them it would be a million billion times.
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

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self):
        """Give a gradient to every variable this one was made from, or add to one.

        Adding makes a new array; an array that is a gradient stays as it is.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx if x.grad is None else x.grad + gx)
                    funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator.
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
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


def graph(x):
    """y = (x ** 2) ** 2 + (x ** 2) ** 2, and a dict of its functions P, Q, R, S."""
    a = square(x)
    b, c = square(a), square(a)
    y = add(b, c)
    return y, {"P": a.creator, "Q": b.creator, "R": c.creator, "S": y.creator}


def noted(name, backward, calls):
    """backward, but each call of it adds the name to the list of calls."""

    def noting(*gys):
        calls.append(name)
        return backward(*gys)

    return noting


def order_of_calls(x):
    """Run backward() on graph(x); the names of the functions in the order they run."""
    calls = []
    y, funcs = graph(x)
    for name, func in funcs.items():
        func.backward = noted(name, func.backward, calls)
    y.backward()
    return calls


def by_hand(x, order):
    """Run the functions of graph(x) in an order such as "SRQP", and add up gradients.

    There is a row (name, a.grad, x.grad) for each of them.
    """
    rows = []
    y, funcs = graph(x)
    (a,) = funcs["Q"].inputs
    y.grad = np.ones_like(y.data)
    for name in order:
        gys = [output.grad for output in funcs[name].outputs]
        for v, gv in zip(funcs[name].inputs, funcs[name].gradients(gys)):
            v.grad = gv if v.grad is None else as_array(v.grad + gv)
        rows.append((name, a.grad, x.grad))
    return rows


if __name__ == "__main__":
    x = Variable(np.array(2.0))
    y, funcs = graph(x)
    print(f"y = {y.data}, dy/dx = 8 x^3 = {8 * x.data**3}")
    calls = order_of_calls(x)
    print(f"backward() calls {' '.join(calls)}: x.grad = {x.grad}")
    x.cleargrad()
    print("by hand, P once and last:")
    for name, ga, gx in by_hand(x, "SRQP"):
        print(f"    {name}   a.grad = {ga!s:5}  x.grad = {gx}")
    x.cleargrad()
    by_hand(x, "SRPQ")
    print(f"by hand, P once but too early: x.grad = {x.grad}")
