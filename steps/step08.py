"""Step 8 · From recursion to a loop

Problem
With step 7 a chain of 5,000 functions ends in

    RecursionError: maximum recursion depth exceeded

A network that reads a text letter by letter calls a few functions for each
letter, all in one chain. A page of 2,000 letters makes it that long. Python
allows about 1,000 calls inside one another, and backward() goes one call
deeper for every function.

The limit can be raised, with sys.setrecursionlimit(1_000_000), and a chain of
100,000 then works. But how high is high enough? And the limit has its uses:
it is what stopped A(A(x)) in step 7.

Idea
Each call tells the next one only which function comes next. That takes no
call. A name can hold it:

    func = y.creator
    while func is not None:
        func.input.grad = func.backward(func.output.grad)
        func = func.input.creator

This is right for every chain. But soon functions will have two inputs, and
then two functions come next. One name cannot hold both, but a list can. So we
keep a list of the functions that are still to be called. If F has two inputs,
made by G and H, [F] becomes [G, H]. In our chain each function has one input:

    funcs     taken out    what it does       put in: creator of the input
    [C]       C            gives b.grad       B
    [B]       B            gives a.grad       A
    [A]       A            gives x.grad       None, since x has no creator
    [None]    None         nothing
    []                     the end

In the code
The table as a program:

    [Variable.backward]

In step 7 each call had its own self, and took the gradient from there. The
loop stays in one call, so self is y all the time. So it takes the gradient
from func.output. That is what output is for.

The demo makes chains of n functions Grow. Each multiplies by 1 + 1 / n, so the
slope of the chain is (1 + 1 / n)^n. For n = 10 it is 1.1^10 = 2.593742. For
large n it approaches e = 2.718282. The last column counts the calls of
Grow.backward(): one for each function.

A chain may now be as long as we like. But count the brackets in
Square()(Exp()(Square()(x))). Step 9 makes it nicer to write.

New:      nothing
Changed:  Variable.backward
Removed:  nothing

Elsewhere
PyTorch keeps a queue of functions that are ready and works through it in a
loop. A chain of 100,000 is no trouble there either. Karpathy's micrograd first
sorts the variables, so that each has its gradient before it passes it on. The
sorting recurses along the chain, so it has the limit of step 7.

Watch out
In step 7 a single A called twice led round in a circle, into a RecursionError.
The loop goes round in the same circle, and now nothing stops it: y.backward()
never returns.

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

Answers
1. AttributeError: 'NoneType' object has no attribute 'backward'. Only x has no
   creator, and x comes last. By then x.grad is there already, and it is right.
2. 2^10 = 1024. Every factor is taken from backward(); forward() is not asked.
3. 1, always. One is taken out and one put in, since each function has one
   input.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give a gradient to every variable that this one was made from.

        It starts from self.grad.
        """
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                func.input.grad = func.backward(func.output.grad)
                funcs.append(func.input.creator)


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x.

        It keeps both, in self.input and self.output, and is the creator.
        """
        y = Variable(self.forward(x.data))
        y.set_creator(self)
        self.input = x
        self.output = y
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
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
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
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
