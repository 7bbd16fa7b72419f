"""Step 2 · Functions make variables

Problem
There is a 10 in the box, and no way to compute with it:

    x = Variable(np.array(10.0))
    x ** 2                           TypeError

Then let us open the box, compute, and pack the result into a new one:

    def square(x):
        return Variable(x.data ** 2)

    def cube(x):
        return Variable(x.data ** 3)

This works. But there will be dozens of such functions, and soon each of them
has to do more than compute. In step 6 it has to remember its input, in step 7
its output as well. Each time we would edit all of them, and forget one.

Idea
Three things happen in every calculation. Only the one in the middle differs
from function to function:

     Variable                                         Variable
    +--------+    open     forward       pack        +---------+
    |  10.0  | --------> 10.0 --> 100.0 -----------> |  100.0  |
    +--------+                                       +---------+

So write opening and packing once, in a class Function. What differs goes into
a method called forward.

In the code
Python runs __call__ when an object is called like a function. That is the
place for opening and packing:

    [Function]

Function itself has nothing to compute, so its forward() raises an error. The
error names the class. If you forget or misspell forward() in a new class, you
read at once which class is meant.

A new function is now a class with one method. The method receives an array and
returns what NumPy makes of it. It never sees a box:

    [Square]

From here on a function is an object: Square is the class, Square() is the
function. Why not a plain Python function? It forgets everything when its call
is over. An object can keep its input, and from step 6 on it must.

Is the result an array? Not always. NumPy squares np.array(10.0), an array with
no axes, and returns a NumPy number, np.float64(100.0). It computes like an
array, so for now we leave it. Step 9 makes an array of it.

One function does not get us far. In step 3 several of them form a chain.

New:      Function, Square
Changed:  nothing
Removed:  nothing

Elsewhere
torch.autograd.Function is cut in the same way: one subclass for each function,
with its forward. It is called as Square.apply(x).

Watch out
Square()(x) has two pairs of brackets. The first pair makes the function, the
second calls it. Square(x), with one pair, says "Square() takes no arguments".

Inside forward() x is an array; outside it is a Variable. Square() called with
a bare array fails with a puzzling message about memoryview. The reason is that
an array has an attribute data, too: its raw memory.

Try
1. Write a class Cube, in three lines.
2. Misspell its forward. What does the message say?
3. What is Square()(x) if x holds the array [1, 2, 3]?

Output
    x               10.0
    y = Square()(x) 100.0  in a Variable
    x afterwards    10.0
    Function()(x)   NotImplementedError: Function has no forward() yet.

Answers
1. class Cube(Function):
       def forward(self, x):
           return x**3
2. "Cube has no forward() yet." Python finds the forward() of Function.
3. A Variable that holds [1, 4, 9]. NumPy squares element by element.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x."""
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2


# === demo ===


if __name__ == "__main__":
    x = Variable(np.array(10.0))
    y = Square()(x)
    print(f"x               {x.data}")
    print(f"y = Square()(x) {y.data}  in a {type(y).__name__}")
    print(f"x afterwards    {x.data}")
    try:
        Function()(x)
    except NotImplementedError as error:
        print(f"Function()(x)   {type(error).__name__}: {error}")
