"""The paper's own stack, one radiograph at a time: runs in the peers' environment, driven by `inference.py`.

Reads a line from standard input for each time to do it, `predict` or `function`, and answers with the milliseconds that
it took.
"""

import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import segmodels_keras as sm
import tensorflow as tf

SIDE = 224


def main() -> None:
    keras.utils.set_random_seed(0)
    model = sm.Unet(sys.argv[1], input_shape=(SIDE, SIDE, 3), classes=1, activation="sigmoid", encoder_weights=None)
    image = np.random.default_rng(0).random((1, SIDE, SIDE, 3), dtype=np.float32)
    compiled = tf.function(lambda batch: model(batch, training=False), jit_compile=False)
    ways = {
        "predict": lambda: model.predict(image, verbose=0),
        "function": lambda: compiled(tf.constant(image)).numpy(),
    }
    for way in ways.values():
        way()
    print(f"ready segmodels-keras on Keras {keras.__version__}, TensorFlow {tf.__version__}", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        ways[line.strip()]()
        print((time.perf_counter() - started) * 1000, flush=True)


main()
