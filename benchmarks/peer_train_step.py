"""The paper's own stack, one training step at a time: runs in the peers' environment, driven by `train_step.py`.

Reads a line from standard input for each step to do, and answers with the milliseconds that it took.
"""

import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import segmodels_keras as sm

BATCH, SIDE = 10, 224


def main() -> None:
    backbone = sys.argv[1]
    keras.utils.set_random_seed(0)
    model = sm.Unet(backbone, input_shape=(SIDE, SIDE, 3), classes=1, activation="sigmoid", encoder_weights=None)
    # The library's own focal loss does not run under Keras 3; Keras has the same two.
    focal = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.25, gamma=2.0)
    dice = keras.losses.Dice()
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss=lambda truth, predicted: focal(truth, predicted) + dice(truth, predicted),
        metrics=[sm.metrics.iou_score, sm.metrics.f1_score],
    )
    random = np.random.default_rng(0)
    images = random.random((BATCH, SIDE, SIDE, 3), dtype=np.float32)
    masks = (random.random((BATCH, SIDE, SIDE, 1)) > 0.5).astype(np.float32)
    print(f"ready {model.count_params()} keras {keras.__version__} tensorflow {keras.backend.backend()}", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        model.train_on_batch(images, masks)
        print((time.perf_counter() - started) * 1000, flush=True)


main()
