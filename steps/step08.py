"""Step 8 · From recursion to a loop

Problem
With step 7 a chain of 1,000 functions, which is nothing unusual, ends in

    RecursionError: maximum recursion depth exceeded

Its backward() calls itself once for every function, and Python allows
about 1,000 calls inside one another. Raising that limit with
sys.setrecursionlimit() only moves the wall.

Idea
Each call only has to pass on one thing: the function to visit next.
Keep that in a list, and a loop can do the work of the calls:

    funcs := [creator of y]
    while funcs is not empty:
        func := the last one, taken out of funcs
        input.grad := func.backward(output.grad)
        put the creator of input into funcs

    x --> Square --> a --> Exp --> b --> Square --> y
                                          <-- funcs starts here

A list that is emptied from a loop needs no nested calls, however long
the chain is. From step 13 on, functions with several inputs fill it.

In the code
Variable.backward() is this loop. func.input and func.output are where
Function.__call__ left them in step 7. The creator of the first variable
is None: what is None is taken out of the list and ignored. y.grad still
has to be set before y.backward().
The demo chains n functions Grow, each x * (1 + 1 / n). The slope of the
chain is (1 + 1 / n) ** n, which approaches e = 2.718282.

New:      nothing
Changed:  Variable.backward
Removed:  nothing

Elsewhere
PyTorch's engine (engine.cpp) keeps a queue of functions that are ready
and works it off in a loop; Chainer and TensorFlow's tf.gradients loop
over a queue, too. micrograd still recurses, and stops at about 1,000.

Watch out
A(A(x)) with one and the same A no longer ends in RecursionError: A is
still the creator of its own input, and now the loop never ends. Make a
new Square() for every call.

Try
1. Leave out the if. Which error do you get, and why only at the end?
2. Write gy * 2 in Grow.backward. How large is x.grad after 10 functions?
3. Print len(funcs) before each pop(). How large does it get, and why?

Output
    (e^(x^2))^2 at x = 0.5   x.grad = 3.297443

    functions in a row     x.grad   calls of Grow.backward
                    10   2.593742                       10
                 1,000   2.716924                    1,000
               100,000   2.718268                  100,000
"""

import numpy as np


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give every variable this one was made from its gradient."""
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                func.input.grad = func.backward(func.output.grad)
                funcs.append(func.input.creator)


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        y = Variable(self.forward(x.data))
        y.set_creator(self)
        self.input = x
        self.output = y
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Function has none: it raises NotImplementedError, naming the class of self.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return gy * 2 * x


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return gy * np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


class Grow(Function):
    """x * (1 + 1 / n); n of them in a row make about e * x."""

    calls = 0  # of backward(), by all of them

    def __init__(self, n):
        self.rate = 1 + 1 / n

    def forward(self, x):
        return x * self.rate

    def backward(self, gy):
        Grow.calls += 1
        return gy * self.rate


def chain(x, n):
    """x after n functions in a row."""
    for _ in range(n):
        x = Grow(n)(x)
    return x


if __name__ == "__main__":
    x = Variable(np.array(0.5))
    y = Square()(Exp()(Square()(x)))
    y.grad = np.array(1.0)
    y.backward()
    print(f"(e^(x^2))^2 at x = 0.5   x.grad = {x.grad:.6f}")
    print()
    print("functions in a row     x.grad   calls of Grow.backward")
    for n in (10, 1_000, 100_000):
        Grow.calls = 0
        x = Variable(np.array(1.0))
        y = chain(x, n)
        y.grad = np.array(1.0)
        y.backward()
        print(f"{n:18,}   {x.grad:.6f}   {Grow.calls:22,}")
