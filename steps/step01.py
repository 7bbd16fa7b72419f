"""Step 1 · A variable is a box

Problem
In step 46 we train a neural network, with a library of our own:

    model = MLP((10, 1))
    optimizer = MomentumSGD(0.15).setup(model)
    for _ in range(1000):
        loss = mean_squared_error(model(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()

The loss says how wrong the network is. Here it falls from 1.31 to 0.01. To
bring it down, the library needs slopes: if x grows a little, how fast does y
grow? Say x goes from 1 to 1.01, and y from 2 to 2.03. Then the slope is
0.03 / 0.01 = 3.

Every number in a calculation will get its slope, called its gradient. The best
place to write it down would be the number itself:

    x = np.array(1.0)
    x.grad = 0.0        AttributeError: 'numpy.ndarray' object has no
                        attribute 'grad'

A NumPy array is a value and nothing else. It has no room for notes. Then
perhaps in a dict, with the array as the key?

    grads = {x: 0.0}    TypeError: unhashable type: 'numpy.ndarray'

That fails, too. A dict finds a key by its hash, a number computed from the
content of the key. The content of an array can change, so NumPy gives it no
hash. With id(x) as the key it works, until the array is gone and another array
gets the same id.

Idea
Put the array into a box. The name x then stands for the box, and the box has
room for notes beside what it holds:

    x --> +------------------+
          | data: array(1.0) |
          | room for notes   |
          +------------------+

In the code
The whole box takes three lines:

    [Variable]

The room for notes needs no line. Python lets us write x.grad = 0.0 into an
object of our class. Step 6 gives grad a fixed place.

The box takes the array itself. A copy would cost time and memory for every
box, and networks have large arrays.

What is in the box can be replaced. After x.data = other, x is the same box
with something else in it. Training does that: better numbers in the same box.

We can put something in, but not compute with it: x ** 2 fails. That is step 2.

New:      Variable
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch's box is torch.Tensor, and x.data and x.grad have the same names there.
Before version 0.4 the box was a separate class, named Variable.

Watch out
A vector with three elements is three-dimensional to a mathematician. To NumPy
it has one dimension, or axis: ndim counts the axes, and shape is the length of
each. The Output shows a number, a vector, a matrix and two matrices.

Try
1. Let two variables hold the same array, and set one element of it to 9. What
   is in each box? And after x.data = np.array(9.0) for one of them?
2. Put "a" into a Variable. Does it complain? Should it?

Output
    ndim 0    shape ()          size 1
    ndim 1    shape (3,)        size 3
    ndim 2    shape (2, 3)      size 6
    ndim 3    shape (2, 2, 3)   size 12

    x.data = 1.0
    x.data = 2.0    the same box: True

    x.grad = 0.0       the box has room for it
    number.grad = 0.0  AttributeError: the array has none

Answers
1. Both boxes show the 9, since there is only one array. After x.data = ...
   only that one box holds something else; the other still holds the array.
2. It takes "a" without a word. It should complain: the first calculation
   will fail, and by then the mistake is far away.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data


# === demo ===


if __name__ == "__main__":
    number = np.array(1.0)
    vector = np.array([1, 2, 3])
    matrix = np.array([[1, 2, 3], [4, 5, 6]])
    for data in (number, vector, matrix, np.array([matrix, matrix])):
        x = Variable(data)
        print(f"ndim {x.data.ndim}    shape {x.data.shape!s:<10}  size {x.data.size}")

    x = Variable(number)
    box = x
    print(f"\nx.data = {x.data}")
    x.data = np.array(2.0)
    print(f"x.data = {x.data}    the same box: {x is box}")

    x.grad = 0.0
    print(f"\nx.grad = {x.grad}       the box has room for it")
    try:
        number.grad = 0.0
    except AttributeError:
        print("number.grad = 0.0  AttributeError: the array has none")
