"""Step 1 · A variable is a box

Problem
At the end of these sixty steps stands a library that trains neural networks.
To train them it has to know slopes: if this number grows a little, how fast
does that one grow? Such a slope is called a gradient. Every number in a
calculation will get one, so it must be written down somewhere.

The best place would be the number itself:

    x = np.array(1.0)
    x.grad = 0.0        AttributeError: 'numpy.ndarray' object has no
                        attribute 'grad'

A NumPy array is a value and nothing else. It has no room for notes. Then
perhaps in a dict, with the array as the key?

    grads = {x: 0.0}    TypeError: unhashable type: 'numpy.ndarray'

That fails, too. A dict finds its keys by comparing them. Arrays are compared
by their elements, and these can change. So NumPy lets no array be a key.

Idea
Put the array into a box. The name x then stands for the box, and the box has
room for notes beside what it holds:

    x --> +------------------+
          | data: array(1.0) |
          | room for notes   |
          +------------------+

The array may have any number of dimensions, which NumPy also calls axes. Here
ndim counts the axes, shape is the length of each, and size is the number of
elements:

    1.0              ndim 0    shape ()           a number
    [1 2 3]          ndim 1    shape (3,)         a vector
    [[1 2 3]
     [4 5 6]]        ndim 2    shape (2, 3)       a matrix
    two of those     ndim 3    shape (2, 2, 3)    a stack of matrices

In the code
The whole box takes three lines:

    [Variable]

The room for notes needs no line. Python lets us write x.grad = 0.0 into any
object of a class of our own. Step 6 gives grad a fixed place.

The box holds the very array it was given, not a copy. A copy would cost time
and memory for every box, and networks have large arrays.

What is in the box can be replaced. After x.data = other, x is the same box
with something else in it. Training will do just that: better numbers in the
same boxes.

So far we have put something in. Computing with it is another matter: not even
x ** 2 works. That is step 2.

New:      Variable
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch's box is torch.Tensor, and x.data and x.grad have the same names there.
Before version 0.4 the box was a class of its own, and its name was Variable.

Watch out
A vector with three elements is three-dimensional to a mathematician. To NumPy
it has one dimension: ndim counts axes, not elements.

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
   will fail, and by then the mistake is far away. Step 9 refuses it.
"""

import numpy as np


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

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
