"""Only trains the network: a time budget, a cosine, an average of the weights, checkpoints on the way.

    python -m tools.visemes.train --data DIR --out FILE.npz --minutes 90 [--begin FILE.npz] [--threads 1]

`--data` is a folder of `training_data`. Every two minutes FILE.npz gets the averaged weights and FILE.state.npz all
that is needed to go on; the same command goes on there after an interruption, and the state is gone when it is done.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

LONGEST_STEP_S = 20.0
BATCHES_AHEAD = 3


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--begin", type=Path, help="weights to begin with instead of random ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=32, help="streams in a batch")
    parser.add_argument("--frames", type=int, default=400, help="10 ms frames in a stream")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--real-share", type=float, default=0.6, help="share of rows spoken by real people")
    parser.add_argument("--dropout", type=float, default=0.15)
    parser.add_argument("--keep", type=float, default=0.999, help="share of the averaged weights kept per step")
    parser.add_argument("--seed", type=int, default=5)
    return parser.parse_args()


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Written aside and renamed: whenever this is stopped, the file is the one before or the new one."""
    part = path.with_name(f"{path.stem}.part{path.suffix}")  # numpy wants the same ending
    write(part)
    part.replace(path)


def main() -> None:
    args = _arguments()
    if args.threads == 1:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # jax reads the environment when it is imported.
    import jax
    import numpy as np
    import optax

    from tools.visemes import network
    from tools.visemes.augmentation import Bank, Batch, BatchMaker
    from tools.visemes.losses import loss_of

    maker = BatchMaker(
        Bank(args.data / "real"),
        Bank(args.data / "synth", grouped=True),
        args.data / "noise.npz",
        args.real_share,
        args.seed,
    )
    if args.begin:
        params, shape = network.load(args.begin)
    else:
        shape = network.Shape()
        params = network.init(shape, args.seed)
    print(f"{network.parameter_count(params)} parameters", flush=True)

    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=0.99), optax.add_decayed_weights(2e-3))
    opt = tx.init(params)
    average = jax.tree.map(lambda x: x, params)

    @jax.jit
    def step(params, opt, average, key, rate, keep, mel, label, openness):  # type: ignore[no-untyped-def]
        def objective(p):  # type: ignore[no-untyped-def]
            start = network.state(shape, mel.shape[0])
            logits, _ = network.apply(p, shape, mel, start, key, args.dropout)
            return loss_of(logits, label, openness)

        (total, parts), grads = jax.value_and_grad(objective, has_aux=True)(params)
        updates, opt = tx.update(grads, opt, params)
        params = jax.tree.map(lambda p, u: p - rate * u, params, updates)
        average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, average, params)
        return params, opt, average, total, parts

    # Mixed on another thread, a few ahead.
    mixer = ThreadPoolExecutor(1)

    def mixed() -> Future[Batch]:
        return mixer.submit(maker.batch, args.rows, args.frames)

    batches = deque(mixed() for _ in range(BATCHES_AHEAD))
    key = jax.random.key(args.seed)
    count, before = 0, 0.0
    kept = args.out.with_suffix(".state.npz")
    if kept.exists():
        stored = np.load(kept)
        leaves, tree = jax.tree.flatten((params, opt, average))
        params, opt, average = jax.tree.unflatten(tree, [stored[f"leaf{i}"] for i in range(len(leaves))])
        count, before = int(stored["count"]), float(stored["minutes"])
        key = jax.random.fold_in(key, count)
        print(f"goes on after {count} steps, {before:.1f} min", flush=True)
    warm_up = 40 if args.begin else 150
    spent = before
    stepped = saved = time.monotonic()
    shown = None
    while spent < args.minutes:
        cosine = 0.5 * (1 + math.cos(math.pi * spent / args.minutes))
        rate = args.rate * min(1.0, (count + 1) / warm_up) * cosine
        keep = min(args.keep, (count + 1) / (count + 20))
        batch = batches.popleft().result()
        batches.append(mixed())
        key, use = jax.random.split(key)
        params, opt, average, total, parts = step(
            params, opt, average, use, rate, keep, batch.mel, batch.label, batch.openness
        )
        now = {"loss": float(total), **{k: float(v) for k, v in parts.items()}}
        shown = now if shown is None else {k: 0.98 * shown[k] + 0.02 * now[k] for k in now}
        count += 1
        # A machine that slept or a process that was stopped has not trained meanwhile.
        spent += min(time.monotonic() - stepped, LONGEST_STEP_S) / 60
        stepped = time.monotonic()
        if count % 50 == 0:
            line = " ".join(f"{k} {v:.3f}" for k, v in shown.items())
            print(f"{count} steps, {spent:.1f} of {args.minutes:g} min, rate {rate:.5f} {line}", flush=True)
        if time.monotonic() - saved > 120:
            saved = time.monotonic()
            everything = {f"leaf{i}": np.asarray(x) for i, x in enumerate(jax.tree.leaves((params, opt, average)))}
            everything |= {"count": np.array(count), "minutes": np.array(spent)}
            # The state first: weights without one are taken for a training that was finished.
            write_whole(kept, lambda part, leaves=everything: np.savez(part, **leaves))
            write_whole(args.out, lambda part, weights=average: network.save(part, weights, shape))
    mixer.shutdown(cancel_futures=True)
    write_whole(args.out, lambda part: network.save(part, average, shape))
    kept.unlink(missing_ok=True)
    print(f"done after {count} steps", flush=True)


if __name__ == "__main__":
    main()
