"""The package's own layers, asked for one example at a time."""

# mypy: ignore-errors

import copy

import numpy as np

import scratchcnn


def one_at_a_time(make):
    class OneAtATime:
        def __init__(self, *args, **settings):
            self.one = make(*args, **settings)
            for name in "weight", "bias":
                if hasattr(self.one, name):
                    setattr(self, name, getattr(self.one, name))

        def forward(self, x):
            self.parts = [copy.deepcopy(self.one) for _ in x]
            pairs = zip(self.parts, x, strict=True)
            return np.concatenate([p.forward(one[None]) for p, one in pairs])

        def backward(self, dy):
            pairs = zip(self.parts, dy, strict=True)
            dx = np.concatenate([p.backward(one[None]) for p, one in pairs])
            for name in "weight", "bias":
                if hasattr(self, name):
                    grads = [getattr(part, name).grad for part in self.parts]
                    getattr(self, name).grad[...] = sum(grads)
            return dx

    return OneAtATime


Dense = one_at_a_time(scratchcnn.Dense)
Conv2D = one_at_a_time(scratchcnn.Conv2D)
DepthwiseConv2D = one_at_a_time(scratchcnn.layers.DepthwiseConv2D)
ReLU = one_at_a_time(scratchcnn.ReLU)
Sigmoid = one_at_a_time(scratchcnn.Sigmoid)
Reshape = one_at_a_time(scratchcnn.Reshape)
Flatten = one_at_a_time(scratchcnn.Flatten)
MaxPool2D = one_at_a_time(scratchcnn.MaxPool2D)
AvgPool2D = one_at_a_time(scratchcnn.AvgPool2D)
ConvTranspose2D = one_at_a_time(scratchcnn.layers.ConvTranspose2D)
BlurPool2D = one_at_a_time(scratchcnn.layers.BlurPool2D)
GlobalAvgPool2D = one_at_a_time(scratchcnn.layers.GlobalAvgPool2D)
